// The FM-index's Python class: arrays in, arrays out, the loops without the GIL.

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>

#include <memory>
#include <utility>

#include "bindings.hpp"
#include "fm_index.hpp"
#include "fm_index_build.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace skerry {
namespace {

template <class T, std::size_t Dimensions = 1>
using In = nb::ndarray<const T, nb::ndim<Dimensions>, nb::c_contig, nb::device::cpu>;
template <class T, std::size_t Dimensions = 1>
using Out = nb::ndarray<nb::numpy, T, nb::ndim<Dimensions>>;

template <class T>
Out<T> array_of(std::unique_ptr<T[]> data, std::size_t count) {
    T* const raw = data.release();
    nb::capsule owner(raw, [](void* at) noexcept { delete[] static_cast<T*>(at); });
    return Out<T>(raw, {count}, owner);
}

// Ranges are pairs of int64, next to each other.
static_assert(sizeof(FmRange) == 16);

struct Ranges {
    std::unique_ptr<FmRange[]> data;

    explicit Ranges(std::uint64_t count) : data(new FmRange[count]) {}

    template <std::size_t Dimensions>
    Out<std::int64_t, Dimensions> array(const std::size_t (&shape)[Dimensions]) {
        FmRange* const raw = data.release();
        nb::capsule owner(raw, [](void* at) noexcept { delete[] static_cast<FmRange*>(at); });
        return Out<std::int64_t, Dimensions>(reinterpret_cast<std::int64_t*>(raw), Dimensions, shape, owner);
    }
};

// The text that is sorted, between the two steps of a build.
class Text {
public:
    Text(const In<std::uint32_t>& tokens, const In<std::int64_t>& lengths, std::uint64_t alphabet)
        : text(std::span(tokens.data(), tokens.size()), std::span(lengths.data(), lengths.size()), alphabet),
          bytes(new std::uint8_t[text.bytes()]) {
        text.write(std::span(tokens.data(), tokens.size()), bytes.get());
    }

    FmText text;
    std::unique_ptr<std::uint8_t[]> bytes;
};

template <class Index>
Out<std::uint8_t> image(const Text& self, nb::ndarray<Index, nb::ndim<1>, nb::c_contig, nb::device::cpu> array,
                        std::uint32_t locate_every) {
    if (array.size() != self.text.bytes())
        throw std::invalid_argument("a suffix array of " + std::to_string(array.size()) + " entries is not that of " +
                                    std::to_string(self.text.bytes()) + " bytes");
    FmImage built;
    {
        const nb::gil_scoped_release release;
        built = fm_image(self.text, self.bytes.get(), array.data(), locate_every);
    }
    unsigned char* const raw = built.data.release();
    nb::capsule owner(raw, [](void* at) noexcept { AlignedDelete{}(static_cast<unsigned char*>(at)); });
    return Out<std::uint8_t>(raw, {static_cast<std::size_t>(built.bytes)}, owner);
}

class FmIndex {
public:
    FmIndex(In<std::uint8_t> owner, bool verify) : owner_(std::move(owner)), view([&] {
        const nb::gil_scoped_release release;
        return FmIndexView(owner_.data(), owner_.size(), verify);
    }()) {}

private:
    In<std::uint8_t> owner_;

public:
    FmIndexView view;
};

using RangesIn = nb::ndarray<const std::int64_t, nb::shape<-1, 2>, nb::c_contig, nb::device::cpu>;

// Checked ranges. Call it without the GIL.
const FmRange* checked(const FmIndex& self, const RangesIn& ranges) {
    const auto* const data = reinterpret_cast<const FmRange*>(ranges.data());
    const auto rows = static_cast<std::int64_t>(self.view.rows());
    for (std::size_t i = 0; i < ranges.shape(0); ++i)
        if (data[i].low < 0 || data[i].low > data[i].high || data[i].high > rows)
            throw std::out_of_range("range " + std::to_string(i) + ", [" + std::to_string(data[i].low) + ", " +
                                    std::to_string(data[i].high) + "), is not inside [0, " + std::to_string(rows) +
                                    ")");
    return data;
}

void check_below(const std::int64_t* values, std::size_t count, std::uint64_t bound, const char* what) {
    for (std::size_t i = 0; i < count; ++i)
        if (static_cast<std::uint64_t>(values[i]) >= bound)
            throw std::out_of_range(std::string(what) + " " + std::to_string(values[i]) + " (number " +
                                    std::to_string(i) + ") is not in [0, " + std::to_string(bound) + ")");
}

Out<std::int64_t, 2> extend(const FmIndex& self, const RangesIn& ranges, const In<std::uint32_t>& tokens,
                            unsigned threads, bool portable) {
    const std::size_t count = ranges.shape(0);
    if (tokens.size() != count) throw std::invalid_argument("as many ranges as tokens are needed");
    Ranges out(count);
    {
        const nb::gil_scoped_release release;
        self.view.extend(checked(self, ranges), tokens.data(), count, 1, false, out.data.get(), portable, threads);
    }
    return out.array<2>({count, 2});
}

Out<std::int64_t, 3> probe(const FmIndex& self, const RangesIn& ranges, const In<std::uint32_t>& tokens, bool shared,
                           unsigned threads, bool portable) {
    const std::size_t count = ranges.shape(0);
    if (!shared && (count == 0 ? tokens.size() != 0 : tokens.size() % count != 0))
        throw std::invalid_argument("every range needs as many tokens as the others");
    const std::size_t fan = shared ? tokens.size() : count == 0 ? 0 : tokens.size() / count;
    Ranges out(count * fan);
    {
        const nb::gil_scoped_release release;
        const FmRange* const in = checked(self, ranges);
        if (fan > 0)
            self.view.extend(in, tokens.data(), count * fan, fan, shared, out.data.get(), portable, threads);
    }
    return out.array<3>({count, fan, 2});
}

Out<std::int64_t, 2> find(const FmIndex& self, const In<std::int64_t>& offsets, const In<std::uint32_t>& tokens,
                          unsigned threads, bool portable) {
    if (offsets.size() == 0) throw std::invalid_argument("offsets have at least one entry, 0");
    const std::size_t count = offsets.size() - 1;
    Ranges out(count);
    {
        const nb::gil_scoped_release release;
        for (std::size_t i = 0; i <= count; ++i)
            if (offsets.data()[i] < (i == 0 ? 0 : offsets.data()[i - 1]) ||
                offsets.data()[i] > static_cast<std::int64_t>(tokens.size()))
                throw std::out_of_range("offset " + std::to_string(offsets.data()[i]) + " (number " +
                                        std::to_string(i) + ") falls or is beyond the tokens");
        self.view.find(offsets.data(), tokens.data(), count, out.data.get(), portable, threads);
    }
    return out.array<2>({count, 2});
}

constexpr std::size_t kKeptResults = std::size_t{1} << 20;  // of a thread, between calls

nb::tuple continuations(const FmIndex& self, const RangesIn& ranges, unsigned threads, bool portable) {
    const std::size_t count = ranges.shape(0);
    std::unique_ptr<std::int64_t[]> offsets(new std::int64_t[count + 1]);
    std::unique_ptr<std::uint32_t[]> tokens;
    std::unique_ptr<Ranges> out;
    std::size_t total = 0;
    {
        const nb::gil_scoped_release release;
        const FmRange* const in = checked(self, ranges);
        double cost = 0;
        for (std::size_t i = 0; i < count; ++i) cost += self.view.listing_cost(in[i]);
        const std::uint64_t grain = FmIndexView::grain(cost, count, threads);
        const std::uint64_t pieces = (count + grain - 1) / grain;
        thread_local std::vector<FmIndexView::Continuations> found;  // kept: new memory costs more than the search
        found.resize(std::max<std::uint64_t>(pieces, 1));
        for (FmIndexView::Continuations& piece : found) piece.clear();
        std::vector<FmIndexView::Continuations>& pieces_found = found;
        parallel_for(count, grain, threads, [&](std::uint64_t begin, std::uint64_t end) {
            self.view.continuations(in, begin, end, pieces_found[begin / grain], portable);
        });
        std::size_t at = 0;
        offsets[0] = 0;
        for (const FmIndexView::Continuations& piece : found)
            for (const std::uint64_t size : piece.counts) offsets[++at] = static_cast<std::int64_t>(total += size);
        tokens.reset(new std::uint32_t[total]);
        out = std::make_unique<Ranges>(total);
        std::size_t place = 0;
        for (const FmIndexView::Continuations& piece : found) {
            std::copy(piece.tokens.begin(), piece.tokens.end(), tokens.get() + place);
            std::copy(piece.ranges.begin(), piece.ranges.end(), out->data.get() + place);
            place += piece.tokens.size();
        }
        if (total > kKeptResults) found.clear();
    }
    return nb::make_tuple(array_of(std::move(offsets), count + 1), array_of(std::move(tokens), total),
                          out->array<2>({total, 2}));
}

nb::tuple locate(const FmIndex& self, const In<std::int64_t>& rows, const In<std::int64_t>& lengths, unsigned threads,
                 bool portable) {
    const std::size_t count = rows.size();
    if (lengths.size() != count) throw std::invalid_argument("as many lengths as rows are needed");
    std::unique_ptr<std::int64_t[]> passages(new std::int64_t[count]), starts(new std::int64_t[count]);
    {
        const nb::gil_scoped_release release;
        check_below(rows.data(), count, self.view.rows(), "row");
        self.view.locate(rows.data(), lengths.data(), count, passages.get(), starts.get(), portable, threads);
    }
    return nb::make_tuple(array_of(std::move(passages), count), array_of(std::move(starts), count));
}

nb::tuple extract(const FmIndex& self, const In<std::int64_t>& passages, unsigned threads, bool portable) {
    const std::size_t count = passages.size();
    std::unique_ptr<std::int64_t[]> offsets(new std::int64_t[count + 1]);
    std::unique_ptr<std::uint32_t[]> tokens;
    {
        const nb::gil_scoped_release release;
        check_below(passages.data(), count, self.view.passages(), "passage");
        offsets[0] = 0;
        for (std::size_t i = 0; i < count; ++i)
            offsets[i + 1] = offsets[i] + self.view.passage_length(static_cast<std::uint64_t>(passages.data()[i]));
        tokens.reset(new std::uint32_t[static_cast<std::size_t>(offsets[count])]);
        self.view.extract(passages.data(), offsets.get(), count, tokens.get(), portable, threads);
    }
    const auto total = static_cast<std::size_t>(offsets[count]);
    return nb::make_tuple(array_of(std::move(offsets), count + 1), array_of(std::move(tokens), total));
}

nb::tuple allowed_top(const FmIndex& self, nb::ndarray<const float, nb::ndim<2>, nb::device::cpu> scores,
                      const RangesIn& ranges, std::size_t k, unsigned threads, bool portable) {
    const std::size_t count = ranges.shape(0);
    if (scores.shape(0) != count) throw std::invalid_argument("as many rows of scores as ranges are needed");
    if (scores.shape(1) > 1 && scores.stride(1) != 1)
        throw std::invalid_argument("the scores of one row must lie next to each other");
    if (k < 1) throw std::invalid_argument("k must be at least 1");
    std::unique_ptr<std::int32_t[]> tokens(new std::int32_t[count * k]);
    Ranges out(count * k);
    {
        const nb::gil_scoped_release release;
        self.view.allowed_top(scores.data(), scores.stride(0), scores.shape(1), checked(self, ranges), count, k,
                              tokens.get(), out.data.get(), portable, threads);
    }
    std::int32_t* const raw = tokens.release();
    nb::capsule owner(raw, [](void* at) noexcept { delete[] static_cast<std::int32_t*>(at); });
    return nb::make_tuple(Out<std::int32_t, 2>(raw, {count, k}, owner), out.array<3>({count, k, 2}));
}

}  // namespace

void bind_fm_index(nb::module_& module) {
    module.def("allow_avx512", [](bool allowed) {
#if SKERRY_X86_64
        avx512::allowed().store(allowed);
        return avx512::available();
#else
        return false;
#endif
    }, "allowed"_a);
    nb::class_<Text>(module, "FmText", "An FM-index's text before its suffixes are sorted; see fm_index_build.hpp.")
        .def(nb::init<const In<std::uint32_t>&, const In<std::int64_t>&, std::uint64_t>(),
             "tokens"_a.noconvert(), "lengths"_a.noconvert(), "alphabet"_a, nb::call_guard<nb::gil_scoped_release>())
        .def_prop_ro("width", [](const Text& self) { return self.text.width; })
        .def_prop_ro("bytes",
                     [](const Text& self) {
                         return Out<std::uint8_t>(
                             self.bytes.get(), {static_cast<std::size_t>(self.text.bytes())}, nb::find(&self));
                     })
        .def("image", &image<std::int32_t>, "suffixes"_a.noconvert(), "locate_every"_a)
        .def("image", &image<std::int64_t>, "suffixes"_a.noconvert(), "locate_every"_a);

    nb::class_<FmIndex>(module, "FmIndex", "Substring queries over passages of tokens; see fm_index.hpp.")
        .def(
            "__init__",
            [](FmIndex* self, In<std::uint8_t> data, bool verify) { new (self) FmIndex(std::move(data), verify); },
            "data"_a.noconvert(), nb::kw_only(), "verify"_a = false)
        .def_prop_ro("rows", [](const FmIndex& self) { return self.view.rows(); })
        .def_prop_ro("tokens", [](const FmIndex& self) { return self.view.tokens(); })
        .def_prop_ro("passages", [](const FmIndex& self) { return self.view.passages(); })
        .def_prop_ro("alphabet", [](const FmIndex& self) { return self.view.alphabet(); })
        .def_prop_ro("size_bytes", [](const FmIndex& self) { return self.view.bytes(); })
        .def_prop_ro("locate_every", [](const FmIndex& self) { return self.view.locate_every(); })
        .def_prop_ro("sections",
                     [](const FmIndex& self) {
                         nb::dict sizes;
                         for (int i = 0; i < kFmSections; ++i)
                             sizes[kFmSectionNames[i]] = self.view.header().sections[i].bytes;
                         return sizes;
                     })
        .def("extend", &extend, "ranges"_a.noconvert(), "tokens"_a.noconvert(), "threads"_a, "portable"_a = false)
        .def("probe", &probe, "ranges"_a.noconvert(), "tokens"_a.noconvert(), "shared"_a, "threads"_a,
             "portable"_a = false)
        .def("find", &find, "offsets"_a.noconvert(), "tokens"_a.noconvert(), "threads"_a, "portable"_a = false)
        .def("continuations", &continuations, "ranges"_a.noconvert(), "threads"_a, "portable"_a = false)
        .def("locate", &locate, "rows"_a.noconvert(), "lengths"_a.noconvert(), "threads"_a, "portable"_a = false)
        .def("extract", &extract, "passages"_a.noconvert(), "threads"_a, "portable"_a = false)
        .def("allowed_top", &allowed_top, "scores"_a.noconvert(), "ranges"_a.noconvert(), "k"_a, "threads"_a,
             "portable"_a = false);
}

}  // namespace skerry
