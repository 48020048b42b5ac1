// Sums of products of floats for one instruction set: compiled once for each, see vectors.h.

#include "product_run.h"

#include "kernels.h"
#include "vectors.h"

namespace onnx2snn {
namespace ONNX2SNN_ISA {

namespace {

using Vector = VectorOf<float>::type;
using Stored = VectorOf<float>::unaligned;

constexpr size_t kVectorLanes = VectorOf<float>::size;
constexpr size_t kVectors = kLanes / kVectorLanes;  // that hold the lanes of a position

// Sums that stay in registers at a time; as many as an instruction set has registers for.
constexpr bool kIsWide = kVectorLanes == kLanes;
constexpr size_t kResults = kIsWide ? 8 : 4;
constexpr size_t kPoints = kIsWide ? 6 : 4;
constexpr size_t kGroups = kIsWide ? 4 : 1;  // of kLanes outputs

inline Vector vector_at(const float* numbers) { return *reinterpret_cast<const Stored*>(numbers); }

// Sums of one row, times their scale, plus their bias.
struct Writer {
  Vector scale[kVectors], bias[kVectors];
  size_t left;  // outputs that a row has still

  Writer(const Finish& finish, size_t first) : left(finish.outputs - first) {
    for (size_t v = 0; v < kVectors; ++v) {
      scale[v] = vector_at(finish.scale + first + v * kVectorLanes);
      bias[v] = vector_at(finish.bias + first + v * kVectorLanes);
    }
  }

  void write(const Vector* sums, float* outputs) const {
    if (left >= kLanes) {
      for (size_t v = 0; v < kVectors; ++v) {
        *reinterpret_cast<Stored*>(outputs + v * kVectorLanes) = multiply_add(sums[v], scale[v], bias[v]);
      }
      return;
    }
    float all[kLanes];
    for (size_t v = 0; v < kVectors; ++v) {
      *reinterpret_cast<Stored*>(all + v * kVectorLanes) = multiply_add(sums[v], scale[v], bias[v]);
    }
    for (size_t k = 0; k < left; ++k) outputs[k] = all[k];
  }
};

// kStride is that of the run; 0 where only the run knows it.
template <size_t kCount, size_t kStride>
inline void convolve(const ConvolveRun& run, size_t result) {
  const size_t stride = kStride > 0 ? kStride : run.stride;
  Vector sums[kCount][kVectors];
  const float* incoming = run.incoming + result * stride;
  for (size_t v = 0; v < kVectors; ++v) {  // the first entry sets the sums: clearing them takes longer
    const Vector weights = vector_at(run.weights + v * kVectorLanes);
    for (size_t n = 0; n < kCount; ++n) {
      sums[n][v] = vector_at(incoming + run.entries[0] + n * stride + v * kVectorLanes) * weights;
    }
  }
  for (size_t k = 1; k < run.kernel; ++k) {
    const float* entry = incoming + run.entries[k];
    for (size_t v = 0; v < kVectors; ++v) {
      const Vector weights = vector_at(run.weights + k * kLanes + v * kVectorLanes);
      for (size_t n = 0; n < kCount; ++n) {
        const Vector numbers = vector_at(entry + n * stride + v * kVectorLanes);
        sums[n][v] = multiply_add(numbers, weights, sums[n][v]);
      }
    }
  }
  const Writer writer(run.finish, 0);
  float* outputs = run.outputs + result * run.output_step;
  const size_t output_step = run.output_step;
  for (size_t n = 0; n < kCount; ++n) writer.write(sums[n], outputs + n * output_step);
}

template <size_t kStride>
inline void convolve_row(const ConvolveRun& run) {
  size_t result = 0;
  for (; result + kResults <= run.results; result += kResults) convolve<kResults, kStride>(run, result);
  const size_t left = run.results - result;
  if (left >= kResults / 2) {
    convolve<kResults / 2, kStride>(run, result);
    result += kResults / 2;
  }
  if (run.results - result >= 2) {
    convolve<2, kStride>(run, result);
    result += 2;
  }
  for (; result < run.results; ++result) convolve<1, kStride>(run, result);
}

template <size_t kCount, size_t kUsed>
inline void multiply(const PointsRun& run, size_t point, size_t first) {
  constexpr size_t width = kUsed * kVectors;
  Vector sums[kCount][width];
  const float* incoming = run.incoming + point * run.inputs;
  const float* weights = run.weights + first;
  for (size_t n = 0; n < kCount; ++n) {  // the first input sets the sums: clearing them takes longer
    const Vector number = incoming[n * run.inputs] - Vector{};
    for (size_t v = 0; v < width; ++v) sums[n][v] = number * vector_at(weights + v * kVectorLanes);
  }
  for (size_t k = 1; k < run.inputs; ++k) {
    Vector columns[width];
    for (size_t v = 0; v < width; ++v) columns[v] = vector_at(weights + k * kPointOutputs + v * kVectorLanes);
    for (size_t n = 0; n < kCount; ++n) {
      const Vector number = incoming[n * run.inputs + k] - Vector{};
      for (size_t v = 0; v < width; ++v) sums[n][v] = multiply_add(number, columns[v], sums[n][v]);
    }
  }
  float* outputs = run.outputs + point * run.output_step + first;
  const size_t output_step = run.output_step;
  for (size_t group = 0; group < kUsed; ++group) {
    const Writer writer(run.finish, first + group * kLanes);
    for (size_t n = 0; n < kCount; ++n) {
      writer.write(sums[n] + group * kVectors, outputs + n * output_step + group * kLanes);
    }
  }
}

template <size_t kUsed>
inline void multiply_groups(const PointsRun& run, size_t first) {
  size_t point = 0;
  for (; point + kPoints <= run.points; point += kPoints) multiply<kPoints, kUsed>(run, point, first);
  for (; point < run.points; ++point) multiply<1, kUsed>(run, point, first);
}

inline void spread_some(const LanesRun& run, size_t position) {
  const size_t from = position * run.step;
  float* to = run.lanes + position * kLanes;
  for (size_t k = 0; k < run.channels; ++k) {
    to[k] = run.are_bytes ? static_cast<const int8_t*>(run.numbers)[from + k]
                          : static_cast<const float*>(run.numbers)[from + k];
  }
}

template <class Load>
inline void spread_all(const LanesRun& run, Load load_from) {
  const size_t positions = run.positions, step = run.step;
  float* lanes = run.lanes;
  for (size_t position = 0; position < positions; ++position) {
    for (size_t v = 0; v < kVectors; ++v) {
      const Vector numbers = load_from(position * step + v * kVectorLanes);
      *reinterpret_cast<Stored*>(lanes + position * kLanes + v * kVectorLanes) = numbers;
    }
  }
}

}  // namespace

void spread_lanes(const LanesRun& run) {
  if (run.channels < kLanes) {
    for (size_t position = 0; position < run.positions; ++position) spread_some(run, position);
  } else if (run.are_bytes) {
    const int8_t* from = static_cast<const int8_t*>(run.numbers);
    spread_all(run, [from](size_t place) { return to_floats<Vector, ByteVector>(from + place); });
  } else {
    const float* from = static_cast<const float*>(run.numbers);
    spread_all(run, [from](size_t place) { return vector_at(from + place); });
  }
}

void convolve_lanes(const ConvolveRun& run) {
  if (run.stride == kLanes) {
    convolve_row<kLanes>(run);
  } else if (run.stride == 2 * kLanes) {
    convolve_row<2 * kLanes>(run);
  } else {
    convolve_row<0>(run);
  }
}

void multiply_points(const PointsRun& run) {
  for (size_t first = 0; first < run.finish.outputs; first += kGroups * kLanes) {
    const size_t left = run.finish.outputs - first;
    if (kGroups > 3 && left > 3 * kLanes) {
      multiply_groups<kGroups>(run, first);
    } else if (kGroups > 2 && left > 2 * kLanes) {
      multiply_groups<kGroups < 3 ? 1 : 3>(run, first);
    } else if (kGroups > 1 && left > kLanes) {
      multiply_groups<kGroups < 2 ? 1 : 2>(run, first);
    } else {
      multiply_groups<1>(run, first);
    }
  }
}

}  // namespace ONNX2SNN_ISA
}  // namespace onnx2snn
