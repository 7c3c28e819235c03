// The peer of `skerry bench fm-index`: sdsl-lite's compressed suffix array on its integer wavelet tree, measured on the
// text and the queries that the bench wrote. sdsl-lite is under the GPL: this program is compiled for the measurement,
// on the machine that has the library, and nothing of Skerry links it.
//
//   sdsl_peer FOLDER REPEATS
//
// FOLDER has, as little-endian numbers: text.u32 (symbols above 0, without a terminator), ngrams.u32 (n-grams of
// `length` symbols; the length is the first number), rows.u64, spans.u64 (pairs of text positions, the end excluded).
// Prints one JSON object; times are seconds of processor time, the best of REPEATS.

#include <sdsl/suffix_arrays.hpp>

#include <algorithm>
#include <cstdint>
#include <ctime>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#ifndef LOCATE_EVERY
#define LOCATE_EVERY 4
#endif

namespace {

using Index = sdsl::csa_wt_int<sdsl::wt_int<>, LOCATE_EVERY, 64>;

template <class T>
std::vector<T> numbers(const std::string& path) {
    std::ifstream file(path, std::ios::binary | std::ios::ate);
    if (!file) throw std::runtime_error("cannot read " + path);
    std::vector<T> values(static_cast<std::size_t>(file.tellg()) / sizeof(T));
    file.seekg(0);
    file.read(reinterpret_cast<char*>(values.data()), static_cast<std::streamsize>(values.size() * sizeof(T)));
    return values;
}

double seconds() {
    timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

template <class Work>
double best_of(int repeats, const Work& work) {
    double best = 1e300;
    for (int i = 0; i < repeats; ++i) {
        const double start = seconds();
        work();
        best = std::min(best, seconds() - start);
    }
    return best;
}

struct Range {
    std::uint64_t low, high;  // the end excluded
};

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    const std::string folder = std::string(argv[1]) + "/";
    const int repeats = std::stoi(argv[2]);

    Index index;
    double build;
    {
        const auto text = numbers<std::uint32_t>(folder + "text.u32");
        sdsl::int_vector<> symbols(text.size(), 0, 32);
        std::copy(text.begin(), text.end(), symbols.begin());
        sdsl::util::bit_compress(symbols);
        const double start = seconds();
        sdsl::construct_im(index, symbols, 0);
        build = seconds() - start;
    }

    const auto ngrams = numbers<std::uint32_t>(folder + "ngrams.u32");
    const std::size_t length = ngrams[0], count = (ngrams.size() - 1) / length;
    const std::uint32_t* const grams = ngrams.data() + 1;

    // Step n extends every n-gram's range by its n-th symbol, then lists what can follow.
    std::vector<double> extend(length), list(length);
    std::vector<std::uint64_t> occurrences(length), items(length), followers(length);
    std::vector<Range> ranges(count, {0, index.size()}), next(count);
    std::vector<typename Index::wavelet_tree_type::value_type> found(index.sigma);
    std::vector<typename Index::wavelet_tree_type::size_type> before(index.sigma), after(index.sigma);
    for (std::size_t n = 0; n < length; ++n) {
        extend[n] = best_of(repeats, [&] {
            for (std::size_t i = 0; i < count; ++i) {
                std::uint64_t low = 0, high = 0;
                const Range range = ranges[i];
                const std::uint64_t size =
                    range.low < range.high
                        ? sdsl::backward_search(index, range.low, range.high - 1, grams[i * length + n], low, high)
                        : 0;
                next[i] = size > 0 ? Range{low, high + 1} : Range{0, 0};
            }
        });
        ranges = next;
        for (const Range& range : ranges) occurrences[n] += range.high - range.low;
        list[n] = best_of(repeats, [&] {
            items[n] = followers[n] = 0;
            for (const Range& range : ranges) {
                std::uint64_t different = 0;
                sdsl::interval_symbols(index.wavelet_tree, range.low, range.high, different, found, before, after);
                for (std::uint64_t i = 0; i < different; ++i) {
                    if (found[i] <= 1) continue;  // the end marks
                    const std::uint64_t first = index.C[index.char2comp[found[i]]];
                    ++items[n];
                    followers[n] += (first + after[i]) - (first + before[i]);
                }
            }
        });
    }

    const auto rows = numbers<std::uint64_t>(folder + "rows.u64");
    std::uint64_t positions = 0;
    const double locate = best_of(repeats, [&] {
        positions = 0;
        for (const std::uint64_t row : rows) positions += index[row];
    });

    const auto spans = numbers<std::uint64_t>(folder + "spans.u64");
    std::uint64_t extracted = 0, checksum = 0;
    const double extract = best_of(repeats, [&] {
        extracted = checksum = 0;
        for (std::size_t i = 0; i < spans.size(); i += 2) {
            if (spans[i] == spans[i + 1]) continue;
            const auto symbols = sdsl::extract(index, spans[i], spans[i + 1] - 1);
            extracted += symbols.size();
            for (const auto symbol : symbols) checksum += symbol;
        }
    });

    const auto print = [](const char* name, const auto& values) {
        std::cout << "\"" << name << "\": [";
        for (std::size_t i = 0; i < values.size(); ++i) std::cout << (i ? ", " : "") << values[i];
        std::cout << "], ";
    };
    std::cout.precision(9);
    std::cout << "{";
    print("extend_s", extend);
    print("continuations_s", list);
    print("occurrences", occurrences);
    print("items", items);
    print("followers", followers);
    std::cout << "\"build_s\": " << build << ", \"bytes\": " << sdsl::size_in_bytes(index)
              << ", \"tree_bytes\": " << sdsl::size_in_bytes(index.wavelet_tree)
              << ", \"sample_bytes\": " << sdsl::size_in_bytes(index.sa_sample)
              << ", \"inverse_bytes\": " << sdsl::size_in_bytes(index.isa_sample) << ", \"rows\": " << index.size()
              << ", \"locate_s\": " << locate << ", \"positions\": " << positions << ", \"extract_s\": " << extract
              << ", \"extracted\": " << extracted << ", \"checksum\": " << checksum << "}" << std::endl;
}
