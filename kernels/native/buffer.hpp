#pragma once

// Memory that grows and is not written before it is used: for results whose size is bounded only roughly beforehand.

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <type_traits>

namespace skerry {

template <class T>
class Buffer {
    static_assert(std::is_trivially_copyable_v<T>);

public:
    T* data() { return data_.get(); }
    const T* data() const { return data_.get(); }
    std::size_t size() const { return size_; }
    T& operator[](std::size_t i) { return data_[i]; }
    const T& operator[](std::size_t i) const { return data_[i]; }
    T* begin() { return data(); }
    T* end() { return data() + size_; }
    const T* begin() const { return data(); }
    const T* end() const { return data() + size_; }

    // Makes room for `size` elements, of which the first size() keep their values.
    void reserve(std::size_t size) {
        if (size <= capacity_) return;
        const std::size_t capacity = std::max(size, 2 * capacity_);
        std::unique_ptr<T[]> larger(new T[capacity]);
        if (size_ > 0) std::memcpy(larger.get(), data_.get(), size_ * sizeof(T));
        data_ = std::move(larger);
        capacity_ = capacity;
    }

    // New elements have no value yet.
    void resize(std::size_t size) {
        reserve(size);
        size_ = size;
    }

    // Says that the elements up to `end`, which lies in what was reserved, have been written.
    void end_at(const T* end) { size_ = static_cast<std::size_t>(end - data_.get()); }

    void push(const T& value) {
        reserve(size_ + 1);
        data_[size_++] = value;
    }

    void clear() { size_ = 0; }

private:
    std::unique_ptr<T[]> data_;
    std::size_t size_ = 0, capacity_ = 0;
};

}  // namespace skerry
