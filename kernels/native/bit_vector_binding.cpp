// The bit vector's Python class: arrays in, arrays out, the loops without the GIL.

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>

#include <memory>
#include <new>

#include "bindings.hpp"
#include "bit_vector.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace skerry {
namespace {

using Bytes = nb::ndarray<const std::uint8_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Bools = nb::ndarray<const bool, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Words = nb::ndarray<const std::uint64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T>
using Queries = nb::ndarray<const T, nb::ndim<1>, nb::device::cpu>;
using Counts = nb::ndarray<nb::numpy, std::uint64_t, nb::ndim<1>>;
using Bits = nb::ndarray<nb::numpy, std::uint8_t, nb::ndim<1>>;

struct AlignedDelete {
    void operator()(unsigned char* at) const { ::operator delete[](at, std::align_val_t{64}); }
};
using AlignedBytes = std::unique_ptr<unsigned char[], AlignedDelete>;

AlignedBytes aligned_bytes(std::uint64_t bytes) {
    return AlignedBytes(static_cast<unsigned char*>(::operator new[](bytes, std::align_val_t{64})));
}

template <class T>
nb::ndarray<nb::numpy, T, nb::ndim<1>> array_of(std::unique_ptr<T[]> data, std::size_t count) {
    T* const raw = data.release();
    nb::capsule owner(raw, [](void* at) noexcept { delete[] static_cast<T*>(at); });
    return nb::ndarray<nb::numpy, T, nb::ndim<1>>(raw, {count}, owner);
}

// A section that is ours (`memory`), or that lies in a buffer which `owner` keeps alive.
class BitVector {
public:
    BitVector(AlignedBytes memory, std::uint64_t bytes)
        : memory_(std::move(memory)), view(BitVectorView::open(memory_.get(), bytes, false)) {}
    BitVector(Bytes owner, bool verify) : owner_(std::move(owner)) {
        const nb::gil_scoped_release release;
        view = BitVectorView::open(owner_.data(), owner_.size(), verify);
    }

private:
    AlignedBytes memory_;
    Bytes owner_;

public:
    BitVectorView view;
};

template <class WordAt>
BitVector built(std::uint64_t size, const WordAt& word) {
    const nb::gil_scoped_release release;
    std::uint64_t ones = 0;
    for (std::uint64_t i = 0; i < (size + 63) / 64; ++i)
        ones += static_cast<std::uint64_t>(
            std::popcount(Portable::low_bits(word(i), std::min<std::uint64_t>(64, size - 64 * i))));
    const std::uint64_t bytes = BitVectorView::section_bytes(size, ones);
    AlignedBytes memory = aligned_bytes(bytes);
    BitVectorView::build(size, ones, word, memory.get());
    return BitVector(std::move(memory), bytes);
}

BitVector from_bits(const std::uint8_t* data, std::uint64_t size) {
    {
        const nb::gil_scoped_release release;
        std::uint8_t all = 0;
        for (std::uint64_t i = 0; i < size; ++i) all |= data[i];
        if (all > 1) throw std::invalid_argument("bits must be 0 or 1, one a byte; packed words go to from_words");
    }
    return built(size, [=](std::uint64_t index) {
        const std::uint64_t start = index * 64;
        std::uint64_t word = 0;
        if (start + 64 <= size) {
            for (std::uint64_t byte = 0; byte < 8; ++byte) {
                std::uint64_t eight;
                std::memcpy(&eight, data + start + 8 * byte, 8);
                word |= ((eight * 0x0102040810204080ULL) >> 56) << (8 * byte);
            }
        } else {
            for (std::uint64_t i = start; i < size; ++i) word |= std::uint64_t{data[i]} << (i - start);
        }
        return word;
    });
}

BitVector from_words(const Words& words, std::uint64_t size) {
    if (size > words.size() * 64 || words.size() != size / 64 + (size % 64 != 0))
        throw std::invalid_argument(std::to_string(words.size()) + " words do not hold exactly " +
                                    std::to_string(size) + " bits");
    const std::uint64_t* const data = words.data();
    return built(size, [=](std::uint64_t index) { return data[index]; });
}

// Runs `work(query at, count, out)` over the queries without the GIL, after checking that all are below `bound`.
// A negative one becomes a huge unsigned one, and is out of range as it should be.
template <class T, class Out, class Work>
nb::ndarray<nb::numpy, Out, nb::ndim<1>> answered(const Queries<T>& queries, std::uint64_t bound, const char* what,
                                                  const Work& work) {
    const std::uint64_t count = queries.size();
    const T* const data = queries.data();
    const std::int64_t stride = count == 0 ? 1 : queries.stride(0);
    const auto at = [=](std::uint64_t i) {
        return static_cast<std::uint64_t>(data[static_cast<std::int64_t>(i) * stride]);
    };
    std::unique_ptr<Out[]> out(new Out[count]);
    {
        const nb::gil_scoped_release release;
        for (std::uint64_t i = 0; i < count; ++i)
            if (at(i) >= bound)
                throw std::out_of_range(std::string(what) + " " + std::to_string(data[static_cast<std::int64_t>(i) * stride]) +
                                        " (query " + std::to_string(i) + ") is not in [0, " + std::to_string(bound) +
                                        ")");
        work(at, count, out.get());
    }
    return array_of(std::move(out), count);
}

template <class T, bool Bit>
Counts rank_many(const BitVector& self, const Queries<T>& positions, bool portable) {
    return answered<T, std::uint64_t>(positions, self.view.size() + 1, "position",
                                      [&](const auto& at, std::uint64_t count, std::uint64_t* out) {
                                          batch::rank<Bit>(self.view, at, count, out, portable);
                                      });
}

template <class T, bool Bit>
Counts select_many(const BitVector& self, const Queries<T>& ranks, bool portable) {
    return answered<T, std::uint64_t>(ranks, Bit ? self.view.ones() : self.view.zeros(), "rank",
                                      [&](const auto& at, std::uint64_t count, std::uint64_t* out) {
                                          batch::select<Bit>(self.view, at, count, out, portable);
                                      });
}

template <class T>
Bits access_many(const BitVector& self, const Queries<T>& positions) {
    return answered<T, std::uint8_t>(positions, self.view.size(), "position",
                                     [&](const auto& at, std::uint64_t count, std::uint8_t* out) {
                                         for (std::uint64_t i = 0; i < count; ++i) out[i] = self.view.bit(at(i));
                                     });
}

nb::ndarray<nb::numpy, const std::uint8_t, nb::ndim<1>> section(const BitVector& self) {
    return {self.view.section(), {static_cast<std::size_t>(self.view.bytes())}, nb::find(&self)};
}

template <class T, class Class>
void define_queries(Class& type) {
    type.def("rank1", &rank_many<T, true>, "positions"_a.noconvert(), nb::kw_only(), "portable"_a = false)
        .def("rank0", &rank_many<T, false>, "positions"_a.noconvert(), nb::kw_only(), "portable"_a = false)
        .def("select1", &select_many<T, true>, "ranks"_a.noconvert(), nb::kw_only(), "portable"_a = false)
        .def("select0", &select_many<T, false>, "ranks"_a.noconvert(), nb::kw_only(), "portable"_a = false)
        .def("access", &access_many<T>, "positions"_a.noconvert());
}

}  // namespace

void bind_bit_vector(nb::module_& module) {
    nb::exception<DamagedSection>(module, "DamagedSection", PyExc_ValueError);
    nb::class_<BitVector> type(module, "BitVector", "Bits with rank and select; see bit_vector.hpp.");
    type.def_static(
            "from_bits", [](const Bytes& bits) { return from_bits(bits.data(), bits.size()); },
            "bits"_a.noconvert())
        .def_static(
            "from_bits",
            [](const Bools& bits) {
                return from_bits(reinterpret_cast<const std::uint8_t*>(bits.data()), bits.size());
            },
            "bits"_a.noconvert())
        .def_static("from_words", &from_words, "words"_a.noconvert(), "size"_a)
        .def_static(
            "from_section", [](Bytes data, bool verify) { return new BitVector(std::move(data), verify); },
            "data"_a.noconvert(), nb::kw_only(), "verify"_a = true)
        .def("section", &section, nb::sig("def section(self) -> NDArray[uint8]"))
        .def("__len__", [](const BitVector& self) { return self.view.size(); })
        .def_prop_ro("ones", [](const BitVector& self) { return self.view.ones(); })
        .def_prop_ro("zeros", [](const BitVector& self) { return self.view.zeros(); });
    define_queries<std::uint64_t>(type);
    define_queries<std::int64_t>(type);
}

}  // namespace skerry
