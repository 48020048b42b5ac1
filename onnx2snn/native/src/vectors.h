// Vectors of the width that an instruction set has, as types that compilers know.
//
// This file is compiled once for each instruction set, with the flags of that set, in a namespace
// of its own (ONNX2SNN_ISA): a function compiled for one must never be linked into another. So no
// header of the standard library that defines functions is included here.

#pragma once

#include <cstddef>
#include <cstdint>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#if !defined(ONNX2SNN_ISA) || !defined(ONNX2SNN_VECTOR_BYTES)
#error "define ONNX2SNN_ISA and ONNX2SNN_VECTOR_BYTES: the name of an instruction set, its width"
#endif

namespace onnx2snn {
namespace ONNX2SNN_ISA {

#if ONNX2SNN_VECTOR_BYTES > 0 && (defined(__GNUC__) || defined(__clang__))

template <class Real>
struct VectorOf {
  typedef Real type __attribute__((vector_size(ONNX2SNN_VECTOR_BYTES)));
  typedef Real unaligned __attribute__((vector_size(ONNX2SNN_VECTOR_BYTES), aligned(alignof(Real)), may_alias));
  static constexpr size_t size = ONNX2SNN_VECTOR_BYTES / sizeof(Real);
};

// As many bytes, or numbers of two bytes, as a vector holds floats.
typedef int8_t ByteVector __attribute__((vector_size(ONNX2SNN_VECTOR_BYTES / 4), aligned(1), may_alias));
typedef uint16_t HalfVector __attribute__((vector_size(ONNX2SNN_VECTOR_BYTES / 2), aligned(2), may_alias));

#else

template <class Real>
struct VectorOf {
  typedef Real type;
  typedef Real unaligned;
  static constexpr size_t size = 1;
};

typedef int8_t ByteVector;
typedef uint16_t HalfVector;

#endif

// Small whole numbers, read from and written to bytes. Compilers take the conversion of a vector
// apart into single numbers, so it is spelled out where that counts.
template <class V, class Bytes>
struct Conversion {
  static constexpr size_t lanes = sizeof(V) / sizeof(float);
  static V to_floats(const int8_t* from) {
    V values{};
    for (size_t lane = 0; lane < lanes; ++lane) values[lane] = static_cast<float>(from[lane]);
    return values;
  }
  static void store_bytes(int8_t* to, V values) {
    for (size_t lane = 0; lane < lanes; ++lane) to[lane] = static_cast<int8_t>(values[lane]);
  }
};

template <>
struct Conversion<float, int8_t> {
  static float to_floats(const int8_t* from) { return static_cast<float>(*from); }
  static void store_bytes(int8_t* to, float value) { *to = static_cast<int8_t>(value); }
};

#if ONNX2SNN_VECTOR_BYTES == 64 && defined(__AVX512F__)

template <class Bytes>
struct Conversion<VectorOf<float>::type, Bytes> {
  static __m512 to_floats(const int8_t* from) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes));
  }
  static void store_bytes(int8_t* to, __m512 values) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm512_cvtepi32_epi8(_mm512_cvttps_epi32(values)));
  }
};

#elif ONNX2SNN_VECTOR_BYTES == 32 && defined(__AVX2__)

template <class Bytes>
struct Conversion<VectorOf<float>::type, Bytes> {
  static __m256 to_floats(const int8_t* from) {
    const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from));
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes));
  }
  static void store_bytes(int8_t* to, __m256 values) {
    const __m256i words = _mm256_cvttps_epi32(values);
    const __m128i halves = _mm_packs_epi32(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(to), _mm_packs_epi16(halves, halves));
  }
};

#endif

template <class V, class Bytes>
inline V to_floats(const int8_t* from) {
  return Conversion<V, Bytes>::to_floats(from);
}

template <class V, class Bytes>
inline void store_bytes(int8_t* to, V values) {
  Conversion<V, Bytes>::store_bytes(to, values);
}

// Several vectors, as bytes one behind another.
template <class V, class Bytes, size_t kVectors>
inline void store_all_bytes(int8_t* to, const V* values) {
  constexpr size_t lanes = sizeof(V) / sizeof(float);
#if ONNX2SNN_VECTOR_BYTES == 64 && defined(__AVX512BW__)
  if constexpr (lanes == 16 && kVectors == 4) {
    const __m512i a = _mm512_packs_epi32(_mm512_cvttps_epi32(values[0]), _mm512_cvttps_epi32(values[1]));
    const __m512i b = _mm512_packs_epi32(_mm512_cvttps_epi32(values[2]), _mm512_cvttps_epi32(values[3]));
    // Packing leaves four bytes of each vector beside four of the next.
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    _mm512_storeu_si512(to, _mm512_permutexvar_epi32(order, _mm512_packs_epi16(a, b)));
    return;
  }
#endif
  for (size_t n = 0; n < kVectors; ++n) store_bytes<V, Bytes>(to + n * lanes, values[n]);
}

// The lower halves of numbers of four bytes.
template <class Bits, class Halves>
inline void store_halves(uint16_t* to, Bits bits) {
  if constexpr (sizeof(Bits) == sizeof(uint32_t)) {
    *to = static_cast<uint16_t>(bits);
  } else {
    const Halves halves = __builtin_convertvector(bits, Halves);
    __builtin_memcpy(to, &halves, sizeof halves);
  }
}

// A vector or a number as it lies in memory, at any address.
template <class V, class Real>
struct Storage {
  typedef typename VectorOf<Real>::unaligned type;
};

template <class Real>
struct Storage<Real, Real> {
  typedef Real type;
};

// The functions below take vectors and single numbers alike.

template <class V>
inline V load(const void* from) {
  return *static_cast<const V*>(from);
}

template <class V, class M>
inline V select(M condition, V yes, V no) {
  return condition ? yes : no;
}

// a * b + c, in one instruction where the set has one: sums of whole numbers are the same either way.
template <class V>
inline V multiply_add(V a, V b, V c) {
  return a * b + c;
}

#if ONNX2SNN_VECTOR_BYTES == 64 && defined(__AVX512F__)
template <>
inline VectorOf<float>::type multiply_add(VectorOf<float>::type a, VectorOf<float>::type b, VectorOf<float>::type c) {
  return _mm512_fmadd_ps(a, b, c);
}
#endif

template <class V>
inline V smaller(V a, V b) {
  return select(b < a, b, a);
}

template <class V>
inline V larger(V a, V b) {
  return select(a < b, b, a);
}

}  // namespace ONNX2SNN_ISA
}  // namespace onnx2snn
