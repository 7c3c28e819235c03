#pragma once

// Work over [0, count) in pieces, on a few threads that live for one call.

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace skerry {

// Calls work(begin, end) for pieces of at most `grain`, which are handed out in order. Starting a thread costs some
// 20 us, so a `grain` should be worth more than that; a count of one grain or less runs where it is.
// The first exception of any piece is thrown again when all threads have stopped.
template <class Work>
void parallel_for(std::uint64_t count, std::uint64_t grain, unsigned threads, const Work& work) {
    grain = std::max<std::uint64_t>(grain, 1);
    const std::uint64_t pieces = (count + grain - 1) / grain;
    const auto workers = static_cast<unsigned>(std::min<std::uint64_t>(std::max(threads, 1U), pieces));
    if (workers <= 1) {
        if (count > 0) work(std::uint64_t{0}, count);
        return;
    }
    std::atomic<std::uint64_t> next{0};
    std::exception_ptr failure;
    std::mutex failure_lock;
    const auto run = [&] {
        try {
            for (;;) {
                const std::uint64_t piece = next.fetch_add(1);
                if (piece >= pieces) return;
                work(piece * grain, std::min(count, (piece + 1) * grain));
            }
        } catch (...) {
            next.store(pieces);
            const std::lock_guard<std::mutex> held(failure_lock);
            if (!failure) failure = std::current_exception();
        }
    };
    std::vector<std::thread> others;
    others.reserve(workers - 1);
    for (unsigned i = 1; i < workers; ++i) {
        try {
            others.emplace_back(run);
        } catch (const std::system_error&) {
            break;  // no more threads are to be had: those that run, and this one, do all
        }
    }
    run();
    for (std::thread& other : others) other.join();
    if (failure) std::rethrow_exception(failure);
}

}  // namespace skerry
