// What. The workloads of `stages.ts` on LevelDB itself, in C++: same data, same order, same lines of JSON.
// `peers.ts` compiles it and runs it as
//   leveldb STAGE DIRECTORY COUNT matched|defaults SECONDS latency|rates
//
// Read next. `peers.ts`
#include <leveldb/cache.h>
#include <leveldb/db.h>
#include <leveldb/filter_policy.h>
#include <leveldb/write_batch.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

using Clock = std::chrono::steady_clock;
using Order = std::vector<uint32_t>;
using leveldb::Slice;

// ——— Data: see data.ts and ycsb.ts ———

struct Generator {
  int32_t state;
  explicit Generator(int32_t seed) : state(seed ? seed : 1) {}
  uint32_t operator()(uint32_t below) {
    uint32_t s = state;
    s ^= s << 13;
    s ^= s >> 17;
    s ^= s << 5;
    state = s;
    return s % below;
  }
};

static Order InOrder(uint32_t count) {
  Order order(count);
  for (uint32_t i = 0; i < count; i++) order[i] = i;
  return order;
}

static Order Shuffled(uint32_t count, int seed) {
  Order order = InOrder(count);
  Generator next(seed);
  for (uint32_t i = count - 1; i > 0; i--) std::swap(order[i], order[next(i + 1)]);
  return order;
}

static const uint32_t kValues = 9973;
static const size_t kTextBytes = 1000000;
static std::string text;
static char digits[10000][4];
static size_t value_bytes = 100;

static void MakeData() {
  Generator next(301);
  while (text.size() < kTextBytes) {
    std::string piece;
    for (int i = 0; i < 50; i++) piece += static_cast<char>(32 + next(95));
    text += piece + piece;
  }
  for (int i = 0; i < 10000; i++) {
    char four[8];
    snprintf(four, sizeof four, "%04d", i);
    memcpy(digits[i], four, 4);
  }
}

static Slice Value(uint64_t number) {
  return Slice(text.data() + (number % kValues) * 100 % (kTextBytes - 1000), value_bytes);
}

// The key of a number, or one that is never written.
struct Key {
  char bytes[17];
  explicit Key(uint32_t number) {
    memcpy(bytes, digits[0], 4);
    memcpy(bytes + 4, digits[number / 100000000], 4);
    memcpy(bytes + 8, digits[number / 10000 % 10000], 4);
    memcpy(bytes + 12, digits[number % 10000], 4);
    bytes[16] = '.';
  }
  operator Slice() const { return Slice(bytes, 16); }
  Slice missing() const { return Slice(bytes, 17); }
};

static uint32_t Scattered(uint32_t record) { return record * 0x9e3779b1u; }

// ——— What the system says: see process.ts ———

static uint64_t ProcField(const char* path, const std::string& field) {
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) {
    if (line.compare(0, field.size(), field) == 0) {
      return strtoull(line.c_str() + field.size() + 1, nullptr, 10);
    }
  }
  return 0;
}

static void ForgetPeak() { std::ofstream("/proc/self/clear_refs") << "5"; }

static uint64_t DiskBytes(const std::string& directory) {
  uint64_t bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    struct stat status;
    if (stat(entry.path().c_str(), &status) == 0) bytes += status.st_blocks * 512;
  }
  return bytes;
}

static double CpuMs() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e3 +
         (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e3;
}

static void AtRest() {
  for (int quiet = 0, windows = 0; quiet < 2 && windows < 240; windows++) {
    double before = CpuMs();
    usleep(250000);
    quiet = CpuMs() - before < 12.5 ? quiet + 1 : 0;
  }
}

static double MsSince(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

// ——— Running: see stages.ts ———

static std::string root, directory, settings;
static uint32_t count, gets;
static double seconds;
static bool with_latency;
static leveldb::DB* db = nullptr;
static uint64_t put_bytes = 0;
static leveldb::WriteOptions unsynced, synced;
static leveldb::ReadOptions reading;

static void Fail(const std::string& what) {
  fprintf(stderr, "%s\n", what.c_str());
  exit(1);
}

static void Check(const leveldb::Status& status) {
  if (!status.ok()) Fail(status.ToString());
}

static leveldb::Options MakeOptions() {
  leveldb::Options options;
  options.create_if_missing = true;
  if (settings == "matched") {
    options.write_buffer_size = 4 << 20;
    options.block_cache = leveldb::NewLRUCache(8 << 20);
    options.filter_policy = leveldb::NewBloomFilterPolicy(10);
  }
  return options;
}

static void Open(const std::string& name) {
  static const leveldb::Options options = MakeOptions();
  delete db;
  db = nullptr;
  directory = root + "/" + name;
  Check(leveldb::DB::Open(options, directory, &db));
}

static void PrintLatency(std::vector<float>& times) {
  if (times.size() < 2) return;
  std::sort(times.begin(), times.end());
  auto part = [&](double p) { return times[std::min(times.size() - 1, size_t(times.size() * p))]; };
  printf(",\"latency\":{\"p50\":%.3g,\"p99\":%.3g,\"p999\":%.3g,\"max\":%.3g}", part(0.5),
         part(0.99), part(0.999), times.back());
}

static void PrintMeasurement(const char* workload, uint64_t operations, uint64_t planned, double ms,
                             std::vector<float>& times) {
  printf("{\"workload\":\"%s\",\"operations\":%llu,\"planned\":%llu,\"ms\":%.6g", workload,
         (unsigned long long)operations, (unsigned long long)planned, ms);
  if (uint64_t peak = ProcField("/proc/self/status", "VmHWM:")) {
    printf(",\"peakBytes\":%llu", (unsigned long long)peak * 1024);
  }
  PrintLatency(times);
  printf("}\n");
  fflush(stdout);
}

template <typename Operation>
static uint32_t Measure(const char* workload, uint32_t planned, Operation operation,
                        uint32_t per_operation = 1) {
  std::vector<float> times;
  if (with_latency) times.reserve(planned);
  ForgetPeak();
  uint32_t done = 0;
  auto start = Clock::now();
  while (done < planned) {
    if (with_latency) {
      auto began = Clock::now();
      operation(done++);
      times.push_back(static_cast<float>(MsSince(began) * 1e3));
    } else {
      operation(done++);
    }
    if (done % 64 == 0 && MsSince(start) > seconds * 1e3) break;
  }
  double ms = MsSince(start);
  PrintMeasurement(workload, uint64_t(done) * per_operation, uint64_t(planned) * per_operation, ms,
                   times);
  return done;
}

static void Batch(const Order& order, size_t from, int salt) {
  leveldb::WriteBatch batch;
  size_t to = std::min(from + 1000, order.size());
  for (size_t i = from; i < to; i++) batch.Put(Key(order[i]), Value(i + salt));
  Check(db->Write(unsynced, &batch));
}

static void Finish(const Order& order, size_t from, int salt) {
  for (; from < order.size(); from += 1000) Batch(order, from, salt);
  put_bytes += order.size() * (16 + value_bytes);
}

static void Fill(const char* workload, const Order& order, int salt) {
  uint32_t done = Measure(workload, order.size(), [&](uint32_t i) {
    Check(db->Put(unsynced, Key(order[i]), Value(uint64_t(i) + salt)));
  });
  Finish(order, done, salt);
}

static void FillBatch(const char* workload, const Order& order) {
  uint32_t done = Measure(
      workload, (order.size() + 999) / 1000, [&](uint32_t i) { Batch(order, size_t(i) * 1000, 0); },
      std::min<size_t>(1000, order.size()));
  Finish(order, size_t(done) * 1000, 0);
}

static void Settle(const char* after) {
  AtRest();
  printf("{\"after\":\"%s\",\"residentBytes\":%llu,\"diskBytes\":%llu,\"putBytes\":%llu,"
         "\"writtenBytes\":%llu}\n",
         after, (unsigned long long)ProcField("/proc/self/status", "VmRSS:") * 1024,
         (unsigned long long)DiskBytes(directory), (unsigned long long)put_bytes,
         (unsigned long long)ProcField("/proc/self/io", "wchar:"));
  fflush(stdout);
}

static void Read(const char* workload, uint32_t range, bool is_missing = false) {
  Generator next(42);
  std::string value;
  uint32_t found = 0;
  uint32_t done = Measure(workload, gets, [&](uint32_t) {
    Key key(next(range));
    if (db->Get(reading, is_missing ? key.missing() : Slice(key), &value).ok()) found++;
  });
  if (found != (is_missing ? 0 : done)) Fail("a wrong number was found");
}

static void Scan(const char* workload, bool reverse = false) {
  uint64_t length = 0;
  Measure(
      workload, 1,
      [&](uint32_t) {
        std::unique_ptr<leveldb::Iterator> it(db->NewIterator(reading));
        for (reverse ? it->SeekToLast() : it->SeekToFirst(); it->Valid();
             reverse ? it->Prev() : it->Next()) {
          length += it->key().size() + it->value().size();
        }
        Check(it->status());
      },
      count);
  if (length != uint64_t(count) * (16 + value_bytes)) Fail("a scan missed something");
}

// An iterator of LevelDB never makes an object of an entry: both forms are one.
static void ScanBoth(const std::string& workload) {
  Scan(workload.c_str());
  Scan((workload + " cursor").c_str());
}

static uint32_t Seek(const Key& key, uint32_t entries) {
  std::unique_ptr<leveldb::Iterator> it(db->NewIterator(reading));
  uint32_t found = 0;
  for (it->Seek(key); it->Valid() && found < entries; it->Next()) {
    if (!it->value().empty()) found++;
  }
  return found;
}

static void RunSequential() {
  Open("sequential");
  Fill("fillseq", InOrder(count), 0);
  Settle("fillseq");
  ScanBoth("readseq");
}

static void RunBatches() {
  Open("batches");
  FillBatch("fillbatch", InOrder(count));
  Settle("fillbatch");
}

static void RunRandom() {
  Open("random");
  Order order = Shuffled(count, 7);
  Fill("fillrandom", order, 0);
  Fill("overwrite", Shuffled(count, 8), 1);
  Settle("overwrite");
  Read("readrandom", count);
  Read("readhot", (count + 99) / 100);
  Read("readmissing", count, true);
  ScanBoth("readseq overwritten");
  Scan("readreverse", true);
  Generator next_seek(43);
  Measure("seekrandom", (gets + 4) / 5, [&](uint32_t) { Seek(Key(next_seek(count)), 10); });
  Generator next_mixed(44);
  std::string value;
  Measure("9 gets 1 put", gets, [&](uint32_t i) {
    Key key(next_mixed(count));
    if (i % 10 == 9) {
      Check(db->Put(unsynced, key, Value(i)));
    } else {
      Check(db->Get(reading, key, &value));
    }
  });
  Measure("deleterandom", count, [&](uint32_t i) { Check(db->Delete(unsynced, Key(order[i]))); });
}

static void RunCompacted() {
  Open("compacted");
  FillBatch("fillbatchrandom", Shuffled(count, 7));
  Measure("compact", 1, [&](uint32_t) { db->CompactRange(nullptr, nullptr); }, count);
  Settle("compact");
  Read("readrandom compacted", count);
  Read("readhot compacted", (count + 99) / 100);
  ScanBoth("readseq compacted");
  std::vector<double> times;
  std::string value;
  for (int i = 0; i < 5; i++) {
    delete db;
    db = nullptr;
    auto start = Clock::now();
    Open("compacted");
    Check(db->Get(reading, Key(count / 2), &value));
    times.push_back(MsSince(start));
  }
  std::sort(times.begin(), times.end());
  std::vector<float> none;
  PrintMeasurement("open", 1, 1, times[2], none);
}

static void RunSynced() {
  Open("fillsync");
  Measure("fillsync", std::min(count, 3000u),
          [&](uint32_t i) { Check(db->Put(synced, Key(i), Value(i))); });
  Open("fillsync 64");
  uint32_t planned = std::min(count, 30000u);
  std::atomic<uint32_t> next(0);
  std::vector<float> times;
  std::mutex mutex;
  std::vector<std::thread> callers;
  auto start = Clock::now();
  for (int caller = 0; caller < 64; caller++) {
    callers.emplace_back([&] {
      std::vector<float> mine;
      uint32_t i;
      while ((i = next++) < planned) {
        auto began = Clock::now();
        if (MsSince(start) > seconds * 1e3) break;
        Check(db->Put(synced, Key(i), Value(i)));
        mine.push_back(static_cast<float>(MsSince(began) * 1e3));
      }
      std::lock_guard<std::mutex> lock(mutex);
      times.insert(times.end(), mine.begin(), mine.end());
    });
  }
  for (auto& caller : callers) caller.join();
  double ms = MsSince(start);
  uint32_t operations = times.size();
  if (!with_latency) times.clear();
  PrintMeasurement("fillsync 64", operations, planned, ms, times);
}

// Zipf's law: see ycsb.ts.
struct Zipf {
  uint32_t items;
  double zeta = 0, alpha, two, eta;
  explicit Zipf(uint32_t items) : items(items) {
    const double theta = 0.99;
    for (uint32_t i = 1; i <= items; i++) zeta += 1 / std::pow(i, theta);
    alpha = 1 / (1 - theta);
    two = 1 + std::pow(0.5, theta);
    eta = (1 - std::pow(2.0 / items, 1 - theta)) / (1 - two / zeta);
  }
  uint32_t operator()(double u) const {
    if (u * zeta < 1) return 0;
    if (u * zeta < two) return 1;
    double rank = items * std::pow(eta * u - eta + 1, alpha);
    return std::min(items - 1, static_cast<uint32_t>(rank));
  }
};

enum Kind : uint8_t { kRead, kUpdate, kInsert, kScan, kReadModifyWrite };

struct Mix {
  char name;
  uint32_t second;
  Kind first_kind, other_kind;
  bool latest;
};

static const Mix kMixes[] = {
    {'a', 50, kRead, kUpdate, false},          {'b', 5, kRead, kUpdate, false},
    {'c', 0, kRead, kRead, false},             {'f', 50, kRead, kReadModifyWrite, false},
    {'d', 5, kRead, kInsert, true},            {'e', 5, kScan, kInsert, false},
};

static void RunYcsb() {
  value_bytes = 1000;
  Open("ycsb");
  uint32_t total = (count + 9) / 10;
  Order order = InOrder(total);
  for (auto& number : order) number = Scattered(number);
  Fill("ycsb load", order, 0);
  Settle("ycsb load");
  std::string value;
  for (const Mix& mix : kMixes) {
    uint32_t planned = mix.name == 'e' ? (count + 49) / 50 : (count + 4) / 5;
    std::vector<uint8_t> kinds(planned), lengths(planned);
    Order records(planned);
    Generator next(1000 + mix.name);
    Zipf zipf(total);
    uint32_t records_before = total, records_drawn = total;
    for (uint32_t i = 0; i < planned; i++) {
      kinds[i] = next(100) < mix.second ? mix.other_kind : mix.first_kind;
      uint32_t drawn = zipf(next(0x7fffffff) / double(0x7fffffff));
      records[i] = kinds[i] == kInsert ? records_drawn++
                   : mix.latest        ? records_drawn - 1 - drawn
                                       : Scattered(drawn + 1) % records_before;
      lengths[i] = 1 + next(100);
    }
    std::string workload = std::string("ycsb ") + mix.name;
    Measure(workload.c_str(), planned, [&](uint32_t i) {
      Key key(Scattered(records[i]));
      if (kinds[i] == kInsert) total++;
      if (kinds[i] == kScan) {
        Seek(key, lengths[i]);
        return;
      }
      if (kinds[i] == kRead || kinds[i] == kReadModifyWrite) Check(db->Get(reading, key, &value));
      if (kinds[i] != kRead) Check(db->Put(unsynced, key, Value(i)));
    });
  }
}

int main(int argc, char** argv) {
  if (argc != 7) Fail("usage: leveldb STAGE DIRECTORY COUNT SETTINGS SECONDS latency|rates");
  std::string stage = argv[1];
  root = argv[2];
  count = strtoul(argv[3], nullptr, 10);
  settings = argv[4];
  seconds = atof(argv[5]);
  with_latency = std::string(argv[6]) == "latency";
  gets = std::min(count, 500000u);
  synced.sync = true;
  MakeData();
  printf("{\"version\":\"%d.%d\"}\n", leveldb::kMajorVersion, leveldb::kMinorVersion);
  if (stage == "sequential") RunSequential();
  else if (stage == "batches") RunBatches();
  else if (stage == "random") RunRandom();
  else if (stage == "compacted") RunCompacted();
  else if (stage == "synced") RunSynced();
  else if (stage == "ycsb") RunYcsb();
  else Fail("no such stage: " + stage);
  delete db;
}
