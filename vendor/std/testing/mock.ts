/**
 * **What.** A stand-in for `jsr:@std/testing/mock`: the few functions of it that are used here, written anew with the
 * published names and behaviour. It lets a machine that reaches only the npm registry run the tests.
 *
 * It is used while `deno.json` has a `"links"` entry for this folder. To use the published package instead, delete
 * `"links"`, or run `deno task test:jsr`, which does so in a copy of `deno.json`.
 *
 * @module
 */
// deno-lint-ignore-file no-explicit-any -- as published
import { AssertionError } from "jsr:@std/assert@^1";

/** One call that a spy saw. */
export interface SpyCall<Self = any, Args extends unknown[] = any[], Return = any> {
  /** What it was called with. */
  args: Args;
  /** What it gave back. */
  returned?: Return;
  /** What it threw. */
  error?: Error;
  /** What it was called on. */
  self?: Self;
}

/** A function that remembers its calls. */
export interface Spy<Self = any, Args extends unknown[] = any[], Return = any> {
  (this: Self, ...args: Args): Return;
  /** The function spied on. */
  original: (this: Self, ...args: Args) => Return;
  /** The calls so far, oldest first. */
  calls: SpyCall<Self, Args, Return>[];
  /** Whether the method spied on is back in its place. */
  restored: boolean;
  /** Puts the method spied on back in its place. */
  restore(): void;
}

/** A spy in the place of a method, which ends with `using`. */
export interface MethodSpy<Self = any, Args extends unknown[] = any[], Return = any>
  extends Spy<Self, Args, Return>, Disposable {}

/** The same with another implementation. */
export type Stub<Self = any, Args extends unknown[] = any[], Return = any> = MethodSpy<
  Self,
  Args,
  Return
>;

/** Spies that were misused. */
export class MockError extends Error {
  /** Makes an error. */
  constructor(message: string) {
    super(message);
    this.name = "MockError";
  }
}

function wrap(original: (...args: any[]) => any, restore: () => void): MethodSpy {
  const calls: SpyCall[] = [];
  const wrapped = function (this: unknown, ...args: unknown[]): unknown {
    const call: SpyCall = { args };
    if (this) call.self = this;
    calls.push(call);
    try {
      return call.returned = original.apply(this, args);
    } catch (error) {
      call.error = error as Error;
      throw error;
    }
  };
  const spied = Object.assign(wrapped, { original, calls, restored: false });
  const end = () => {
    restore();
    spied.restored = true;
  };
  return Object.assign(spied, { restore: end, [Symbol.dispose]: end });
}

function replace(
  self: any,
  property: PropertyKey,
  implementation?: (...args: any[]) => any,
): MethodSpy {
  const original = self[property];
  if (typeof original !== "function") {
    throw new MockError(`Cannot spy on "${String(property)}": it is not a method`);
  }
  const own = Object.getOwnPropertyDescriptor(self, property);
  const spied = wrap(implementation ?? original, () => {
    if (own) Object.defineProperty(self, property, own);
    else delete self[property];
  });
  spied.original = original;
  Object.defineProperty(self, property, {
    configurable: true,
    enumerable: own?.enumerable ?? false,
    value: spied,
    writable: true,
  });
  return spied;
}

/** A function that does nothing and remembers its calls. */
export function spy<Self = any, Args extends unknown[] = any[]>(): Spy<Self, Args, undefined>;
/** Wraps a function so that it remembers its calls. */
export function spy<Self, Args extends unknown[], Return>(
  func: (this: Self, ...args: Args) => Return,
): Spy<Self, Args, Return>;
/** Wraps a method in its place. */
export function spy<Self, Prop extends keyof Self>(self: Self, property: Prop): MethodSpy<Self>;
export function spy(target?: any, property?: PropertyKey): Spy {
  if (property !== undefined) return replace(target, property);
  return wrap(target ?? (() => {}), () => {
    throw new MockError("Cannot restore a function: only methods have a place");
  });
}

/** Puts another implementation, or none, in the place of a method. */
export function stub<Self, Prop extends keyof Self>(
  self: Self,
  property: Prop,
  func: (this: Self, ...args: any[]) => any = () => undefined,
): Stub<Self> {
  return replace(self, property, func);
}

/** Asserts how often a spy was called. */
export function assertSpyCalls<Self, Args extends unknown[], Return>(
  spy: Spy<Self, Args, Return>,
  expectedCalls: number,
): void {
  if (spy.calls.length === expectedCalls) return;
  throw new AssertionError(
    `Spy was called ${spy.calls.length} times, and ${expectedCalls} times were expected`,
  );
}
