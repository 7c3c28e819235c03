// Attention to chosen keys: torch tensors in, written through to the tensors that are handed over, loops without the GIL.

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>

#include <string>

#include "bindings.hpp"
#include "piece_shares.hpp"
#include "range_attention_bf16.hpp"
#include "range_attention_float.hpp"
#include "sparse_attention_bf16.hpp"
#include "sparse_attention_float.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace skerry {
namespace {

struct BFloat16 {
    std::uint16_t bits;
};

}  // namespace
}  // namespace skerry

namespace nanobind::detail {

template <>
struct dtype_traits<skerry::BFloat16> {
    static constexpr dlpack::dtype value{static_cast<std::uint8_t>(dlpack::dtype_code::Bfloat), 16, 1};
    static constexpr auto name = const_name("bfloat16");
};

}  // namespace nanobind::detail

namespace skerry {
namespace {

template <class Number, std::size_t Dimensions>
using Written = nb::ndarray<Number, nb::ndim<Dimensions>, nb::c_contig, nb::device::cpu>;
template <class Number, std::size_t Dimensions>
using Tensor = nb::ndarray<Number, nb::ndim<Dimensions>, nb::device::cpu>;
using Ints = nb::ndarray<const std::int32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Bounds = nb::ndarray<const std::int32_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Ranges = nb::ndarray<const std::int32_t, nb::shape<-1, 2>, nb::c_contig, nb::device::cpu>;

void check(bool right, const std::string& what) {
    if (!right) throw std::invalid_argument(what);
}

std::string text(std::size_t number) { return std::to_string(number); }

// Of a type and an instruction set: what the numbers are in C++ and who works on them.
#if SKERRY_X86_64
struct Bf16 {
    using Held = BFloat16;
    using Number = std::uint16_t;
    using Sparse = bf16::SparseArithmetic;
    using Range = bf16::RangeArithmetic;
};
#endif

template <class Isa>
struct Float {
    using Held = float;
    using Number = float;
    using Sparse = FloatSparseArithmetic<Isa>;
    using Range = FloatRangeArithmetic<Isa>;
};

template <class Work>
void with_floats(const std::string& name, const Work& work) {
    with_vectors(name, [&](auto vectors) { work(Float<decltype(vectors)>()); });
}

template <class Rows>
void check_rows(const Rows& rows, const char* name) {
    const std::size_t last = rows.ndim() - 1;
    check(rows.size() == 0 || rows.shape(last) == 1 || rows.stride(last) == 1,
          std::string(name) + ": the last dimension must be contiguous");
    for (std::size_t i = 0; i < last; ++i)
        check(rows.stride(i) >= 0, std::string(name) + " must not run backwards");
}

void check_size(std::size_t size) {
    check(size > 0 && size % 16 == 0 && size <= 1024, "heads must be 16 to 1024 numbers, a multiple of 16");
}

template <class Number, class Rows>
Heads<Number> heads_of(const Rows& rows) {
    return {reinterpret_cast<Number*>(rows.data()), static_cast<std::size_t>(rows.stride(0)),
            static_cast<std::size_t>(rows.stride(1))};
}

template <class Held>
SparseShape shape_of(const Tensor<const Held, 3>& q, const Tensor<const Held, 3>& k, const Tensor<const Held, 3>& v,
                     double scale) {
    check_rows(q, "queries");
    check_rows(k, "keys");
    check_rows(v, "values");
    for (std::size_t i = 0; i < 3; ++i) check(k.shape(i) == v.shape(i), "keys and values have different shapes");
    check(q.shape(2) == k.shape(2), "heads of " + text(q.shape(2)) + " numbers for keys of " + text(k.shape(2)));
    check_size(q.shape(2));
    check(k.shape(0) > 0 && q.shape(0) % k.shape(0) == 0,
          text(q.shape(0)) + " query heads cannot share " + text(k.shape(0)) + " KV heads");
    check(q.shape(1) < INT32_MAX && k.shape(1) < INT32_MAX && q.shape(0) < INT32_MAX, "too many rows");
    check(scale > 0, "the scale must be above 0");
    return {q.shape(0), k.shape(0), q.shape(1), k.shape(1), q.shape(2), static_cast<float>(scale)};
}

template <class Held>
void check_out(const SparseShape& shape, const Tensor<Held, 3>& out,
               const Written<float, 2>& lse) {
    check_rows(out, "the output");
    check(out.shape(0) == shape.heads && out.shape(1) == shape.queries && out.shape(2) == shape.size &&
              lse.shape(0) == shape.heads && lse.shape(1) == shape.queries,
          "what is written to has another shape than the queries");
}

void check_starts(const Ints& starts, std::size_t rows, std::size_t count, const std::string& name) {
    check(starts.size() == rows + 1, name + " has " + text(starts.size()) + " numbers, wanted " + text(rows + 1));
    check(starts(0) == 0 && static_cast<std::size_t>(starts(rows)) == count, name + " must go from 0 to " + text(count));
    for (std::size_t row = 0; row < rows; ++row) check(starts(row) <= starts(row + 1), name + " must rise");
}

// One of the two lists of an index: rises within each row, from 0 to below `most`.
void check_list(const Ints& starts, const Ints& numbers, std::size_t rows, std::size_t most, const std::string& name) {
    check_starts(starts, rows, numbers.size(), name + "_starts");
    for (std::size_t row = 0; row < rows; ++row) {
        std::int32_t before = -1;
        for (std::int32_t at = starts(row); at < starts(row + 1); ++at) {
            const std::int32_t number = numbers.data()[at];
            check(number > before, "the " + name + "s of a row must rise, from 0");
            before = number;
        }
        check(before < static_cast<std::int64_t>(most), "a " + name + " is not from 0 to " + text(most) + " exclusive");
    }
}

void check_index(std::size_t block, const Ints& block_starts, const Ints& blocks, const Ints& column_starts,
                 const Ints& columns, std::size_t heads, std::size_t queries, std::size_t keys) {
    check(block >= 16 && block % 16 == 0 && block <= (1U << 20), "a block must be a multiple of 16");
    check(queries <= keys, text(queries) + " queries at the end of " + text(keys) + " keys");
    const std::size_t rows = heads * ((queries + block - 1) / block);
    check_list(block_starts, blocks, rows, (keys + block - 1) / block, "block");
    check_list(column_starts, columns, rows, keys, "column");
    for (std::size_t row = 0; row < rows; ++row) {
        std::int32_t at = block_starts(row);
        for (std::int32_t i = column_starts(row); i < column_starts(row + 1); ++i) {
            const auto of = static_cast<std::int32_t>(static_cast<std::size_t>(columns.data()[i]) / block);
            while (at < block_starts(row + 1) && blocks.data()[at] < of) ++at;
            check(at == block_starts(row + 1) || blocks.data()[at] != of, "a lone column lies in one of its row's blocks");
        }
    }
}

template <class Kind>
void attend_blocks(const Tensor<const typename Kind::Held, 3>& q, const Tensor<const typename Kind::Held, 3>& k,
                   const Tensor<const typename Kind::Held, 3>& v, std::size_t block, const Ints& block_starts,
                   const Ints& blocks, const Ints& column_starts, const Ints& columns, double scale,
                   const Tensor<typename Kind::Held, 3>& out,
                   const Written<float, 2>& lse, unsigned threads) {
    using Number = typename Kind::Number;
    const SparseShape shape = shape_of<typename Kind::Held>(q, k, v, scale);
    check_out<typename Kind::Held>(shape, out, lse);
    const nb::gil_scoped_release release;
    check_index(block, block_starts, blocks, column_starts, columns, shape.heads, shape.queries, shape.keys);
    SparseAttention<typename Kind::Sparse>(shape, heads_of<const Number>(q),
                                           heads_of<const Number>(k),
                                           heads_of<const Number>(v), heads_of<Number>(out), lse.data())
        .blocks({block, block_starts.data(), blocks.data(), column_starts.data(), columns.data()}, threads);
}

template <class Kind>
void attend_suffix(const Tensor<const typename Kind::Held, 3>& q, const Tensor<const typename Kind::Held, 3>& k,
                   const Tensor<const typename Kind::Held, 3>& v, const Ints& limits, double scale,
                   const Tensor<typename Kind::Held, 3>& out,
                   const Written<float, 2>& lse, unsigned threads) {
    using Number = typename Kind::Number;
    const SparseShape shape = shape_of<typename Kind::Held>(q, k, v, scale);
    check_out<typename Kind::Held>(shape, out, lse);
    check(limits.size() == shape.queries, text(limits.size()) + " limits for " + text(shape.queries) + " queries");
    for (std::size_t i = 0; i < limits.size(); ++i)
        check(limits(i) >= 0 && static_cast<std::size_t>(limits(i)) <= shape.keys,
              "limit " + std::to_string(limits(i)) + " is not from 0 to " + text(shape.keys));
    const nb::gil_scoped_release release;
    SparseAttention<typename Kind::Sparse>(shape, heads_of<const Number>(q),
                                           heads_of<const Number>(k),
                                           heads_of<const Number>(v), heads_of<Number>(out), lse.data())
        .suffix(limits.data(), threads);
}

template <class Held>
RangeShape range_shape(const Tensor<const Held, 3>& q, const Tensor<const Held, 4>& k, double scale) {
    check_rows(q, "queries");
    check_rows(k, "keys");
    check(q.shape(0) == k.shape(0), "queries of " + text(q.shape(0)) + " sequences for keys of " + text(k.shape(0)));
    check(q.shape(2) == k.shape(3), "heads of " + text(q.shape(2)) + " numbers for keys of " + text(k.shape(3)));
    check_size(q.shape(2));
    check(k.shape(1) > 0 && q.shape(1) % k.shape(1) == 0,
          text(q.shape(1)) + " query heads cannot share " + text(k.shape(1)) + " KV heads");
    check(k.shape(2) < INT32_MAX, "too many rows");
    check(scale > 0, "the scale must be above 0");
    return {q.shape(0), q.shape(1), k.shape(1), k.shape(2), q.shape(2), static_cast<float>(scale)};
}

template <class Number, class Rows>
Sequences<const Number> sequences_of(const Rows& rows) {
    return {reinterpret_cast<const Number*>(rows.data()), static_cast<std::size_t>(rows.stride(0)),
            static_cast<std::size_t>(rows.stride(1)), rows.ndim() == 4 ? static_cast<std::size_t>(rows.stride(2)) : 0};
}

template <class Kind>
void attend_ranges(const Tensor<const typename Kind::Held, 3>& q, const Tensor<const typename Kind::Held, 4>& k,
                   const Tensor<const typename Kind::Held, 4>& v, const Ints& starts, const Ranges& ranges, double scale,
                   const Written<typename Kind::Held, 3>& out,
                   const Written<float, 2>& lse, unsigned threads) {
    using Number = typename Kind::Number;
    check_rows(v, "values");
    const RangeShape shape = range_shape<typename Kind::Held>(q, k, scale);
    for (std::size_t i = 0; i < 4; ++i) check(k.shape(i) == v.shape(i), "keys and values have different shapes");
    check(out.shape(0) == q.shape(0) && out.shape(1) == q.shape(1) && out.shape(2) == q.shape(2) &&
              lse.shape(0) == q.shape(0) && lse.shape(1) == q.shape(1),
          "what is written to has another shape than the queries");
    const std::size_t rows = shape.batch * shape.kv_heads;
    const auto* const at = reinterpret_cast<const RowRange*>(ranges.data());
    check_starts(starts, rows, ranges.shape(0), "starts");
    for (std::size_t row = 0; row < rows; ++row) {
        std::int32_t last = 0;
        for (std::int32_t i = starts(row); i < starts(row + 1); ++i) {
            check(last <= at[i].from && at[i].from <= at[i].to, "the ranges of a KV head must ascend and lie apart");
            last = at[i].to;
        }
        check(static_cast<std::size_t>(last) <= shape.capacity, "a range ends after row " + text(shape.capacity));
    }
    const nb::gil_scoped_release release;
    RangeAttention<typename Kind::Range>(shape, sequences_of<Number>(q), sequences_of<Number>(k),
                                         sequences_of<Number>(v), reinterpret_cast<Number*>(out.data()), lse.data())
        .run(starts.data(), at, threads);
}

template <class Kind>
void piece_shares(const Tensor<const typename Kind::Held, 3>& q, const Tensor<const typename Kind::Held, 4>& k,
                  const Bounds& bounds, double scale, const Written<float, 3>& out, unsigned threads) {
    using Number = typename Kind::Number;
    const RangeShape shape = range_shape<typename Kind::Held>(q, k, scale);
    const std::size_t pieces = out.shape(2);
    check(out.shape(0) == shape.batch && out.shape(1) == shape.kv_heads, "what is written to does not fit the keys");
    check(bounds.shape(0) == shape.batch && bounds.shape(1) == pieces + 1,
          "bounds of " + text(bounds.shape(1)) + " for " + text(pieces) + " pieces of " + text(shape.batch) +
              " sequences");
    for (std::size_t i = 0; i < bounds.shape(0); ++i) {
        check(bounds(i, 0) >= 0 && static_cast<std::size_t>(bounds(i, pieces)) <= shape.capacity,
              "pieces must lie in the rows 0 to " + text(shape.capacity));
        for (std::size_t at = 0; at < pieces; ++at) check(bounds(i, at) <= bounds(i, at + 1), "bounds must ascend");
    }
    const nb::gil_scoped_release release;
    PieceShares<typename Kind::Range>(shape, sequences_of<Number>(q), sequences_of<Number>(k), pieces, out.data())
        .run(bounds.data(), threads);
}

template <class Any, class With>
void bind(nb::module_& module, const With& with) {
    using Held = typename Any::Held;
    module.def(
        "attend_blocks",
        [with](const Tensor<const Held, 3>& q, const Tensor<const Held, 3>& k, const Tensor<const Held, 3>& v,
               std::size_t block, const Ints& block_starts, const Ints& blocks, const Ints& column_starts,
               const Ints& columns, double scale, const Tensor<Held, 3>& out, const Written<float, 2>& lse,
               unsigned threads, const std::string& isa) {
            with(isa, [&](auto kind) {
                attend_blocks<decltype(kind)>(q, k, v, block, block_starts, blocks, column_starts, columns, scale, out,
                                              lse, threads);
            });
        },
        "q"_a.noconvert(), "k"_a.noconvert(), "v"_a.noconvert(), "block"_a, "block_starts"_a.noconvert(),
        "blocks"_a.noconvert(), "column_starts"_a.noconvert(), "columns"_a.noconvert(), "scale"_a, "out"_a.noconvert(),
        "lse"_a.noconvert(), "threads"_a, "isa"_a = "");
    module.def(
        "attend_suffix",
        [with](const Tensor<const Held, 3>& q, const Tensor<const Held, 3>& k, const Tensor<const Held, 3>& v,
               const Ints& limits, double scale, const Tensor<Held, 3>& out, const Written<float, 2>& lse,
               unsigned threads, const std::string& isa) {
            with(isa, [&](auto kind) { attend_suffix<decltype(kind)>(q, k, v, limits, scale, out, lse, threads); });
        },
        "q"_a.noconvert(), "k"_a.noconvert(), "v"_a.noconvert(), "limits"_a.noconvert(), "scale"_a, "out"_a.noconvert(),
        "lse"_a.noconvert(), "threads"_a, "isa"_a = "");
    module.def(
        "attend_ranges",
        [with](const Tensor<const Held, 3>& q, const Tensor<const Held, 4>& k, const Tensor<const Held, 4>& v,
               const Ints& starts, const Ranges& ranges, double scale, const Written<Held, 3>& out,
               const Written<float, 2>& lse, unsigned threads, const std::string& isa) {
            with(isa,
                 [&](auto kind) { attend_ranges<decltype(kind)>(q, k, v, starts, ranges, scale, out, lse, threads); });
        },
        "q"_a.noconvert(), "k"_a.noconvert(), "v"_a.noconvert(), "starts"_a.noconvert(), "ranges"_a.noconvert(),
        "scale"_a, "out"_a.noconvert(), "lse"_a.noconvert(), "threads"_a, "isa"_a = "");
    module.def(
        "piece_shares",
        [with](const Tensor<const Held, 3>& q, const Tensor<const Held, 4>& k, const Bounds& bounds, double scale,
               const Written<float, 3>& out, unsigned threads, const std::string& isa) {
            with(isa, [&](auto kind) { piece_shares<decltype(kind)>(q, k, bounds, scale, out, threads); });
        },
        "q"_a.noconvert(), "k"_a.noconvert(), "bounds"_a.noconvert(), "scale"_a, "out"_a.noconvert(), "threads"_a,
        "isa"_a = "");
}

bool bf16_available() {
#if SKERRY_X86_64
    return bf16::available();
#else
    return false;
#endif
}

}  // namespace

void bind_attention(nb::module_& module) {
    module.def("attention_in_bf16", &bf16_available);
#if SKERRY_X86_64
    bind<Bf16>(module, [](const std::string& isa, const auto& work) {
        check(isa.empty() && bf16::available(), "this processor has no bfloat16 in " + (isa.empty() ? "AVX-512" : isa));
        work(Bf16());
    });
#endif
    bind<Float<WithBaseline>>(module, [](const std::string& isa, const auto& work) { with_floats(isa, work); });
}

}  // namespace skerry
