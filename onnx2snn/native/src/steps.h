// One time step of each operator, for vectors and single numbers alike.
//
// Each is the function of the same name in onnx2snn/ops, operation for operation, so that both
// give the same bits: nothing is contracted (-ffp-contract=off) and nothing reordered.

#pragma once

#include "vectors.h"

namespace onnx2snn {
namespace ONNX2SNN_ISA {

// 1 where a condition holds, else 0.
template <class V, class M>
inline V one_where(M condition) {
  const V zero{};
  return select(condition, zero + 1, zero);
}

inline float floor_of(float value) { return __builtin_floorf(value); }
inline double floor_of(double value) { return __builtin_floor(value); }

template <class V>
inline V floor_of(V values) {
  for (size_t lane = 0; lane < sizeof(V) / sizeof(values[0]); ++lane) {
    values[lane] = floor_of(values[lane]);
  }
  return values;
}

struct IntegrateAndFire {
  static constexpr size_t states = 1, parameters = 1;
  static constexpr bool hands_out_its_state = false;
  template <class V>
  static V step(V current, V* state, const V* parameter) {
    const V h = state[0] + current;
    const V spike = one_where<V>(h >= parameter[0]);
    state[0] = h - spike * parameter[0];
    return spike;
  }
};

struct HardResetIF {
  static constexpr size_t states = 1, parameters = 1;
  static constexpr bool hands_out_its_state = false;
  template <class V>
  static V step(V current, V* state, const V* parameter) {
    const V h = state[0] + current;
    const V spike = one_where<V>(h >= parameter[0]);
    state[0] = h - spike * h;
    return spike;
  }
};

struct DoubleThresholdIF {
  static constexpr size_t states = 1, parameters = 2;
  static constexpr bool hands_out_its_state = false;
  template <class V>
  static V step(V current, V* state, const V* parameter) {
    const V h = state[0] + current;
    const V plus = one_where<V>(h >= parameter[0]);
    const V minus = one_where<V>(h <= -parameter[1]);
    state[0] = h - (plus * parameter[0] - minus * parameter[1]);
    return plus - minus;
  }
};

struct GatedDoubleThresholdIF {
  static constexpr size_t states = 2, parameters = 2;
  static constexpr bool hands_out_its_state = false;
  template <class V>
  static V step(V current, V* state, const V* parameter) {
    const V h = state[0] + current;
    const V plus = one_where<V>(h >= parameter[0]);
    const V below = one_where<V>(h < -parameter[1]);
    const V spike = plus - smaller(below, state[1]);
    state[0] = multiply_add(-spike, parameter[0], h);  // exact: spikes are whole, as the count of them is
    state[1] = state[1] + spike;
    return spike;
  }
};

struct AugmentedIF {
  static constexpr size_t states = 2, parameters = 2;
  static constexpr bool hands_out_its_state = false;
  template <class V>
  static V step(V current, V* state, const V* parameter) {
    const V zero{};
    const V h = state[0] + current;
    const V whole = floor_of(h / parameter[0]);
    const V up = larger(smaller(whole, parameter[1]), zero);
    const V down = smaller(larger(-whole, zero), smaller(state[1], parameter[1]));
    const V spike = up - down;
    state[0] = h - spike * parameter[0];
    state[1] = state[1] + spike;
    return spike;
  }
};

struct InverseLeakyIF {
  static constexpr size_t states = 1, parameters = 2;
  static constexpr bool hands_out_its_state = false;
  template <class V>
  static V step(V current, V* state, const V* parameter) {
    const V h = state[0] + current;
    const V spike = one_where<V>(h >= parameter[0]);
    state[0] = parameter[1] * (h - spike * parameter[0]);
    return spike;
  }
};

struct SignedInverseLeakyIF {
  static constexpr size_t states = 1, parameters = 2;
  static constexpr bool hands_out_its_state = false;
  template <class V>
  static V step(V current, V* state, const V* parameter) {
    const V h = state[0] + current;
    const V plus = one_where<V>(h >= parameter[0]);
    const V minus = one_where<V>(h <= -parameter[0]);
    const V spike = plus - minus;
    state[0] = parameter[1] * (h - spike * parameter[0]);
    return spike;
  }
};

struct GatedInverseLeakyIF {
  static constexpr size_t states = 2, parameters = 4;
  static constexpr bool hands_out_its_state = false;
  template <class V>
  static V step(V current, V* state, const V* parameter) {
    const V zero{};
    const V h = parameter[2] * state[0] + current;
    const V owed = parameter[2] * state[1];
    const V plus = one_where<V>(h >= parameter[0] - parameter[1]);
    const V below = one_where<V>(h < -parameter[1]);
    const V minus = below * one_where<V>(owed >= zero + 1);
    const V spike = parameter[3] * (plus - minus);
    state[0] = h - spike * parameter[0];
    state[1] = owed + spike;
    return spike;
  }
};

struct RunningSum {
  static constexpr size_t states = 1, parameters = 0;
  static constexpr bool hands_out_its_state = true;
  template <class V>
  static V step(V x, V* state, const V*) {
    state[0] = state[0] + x;
    return state[0];
  }
};

struct Difference {
  static constexpr size_t states = 1, parameters = 0;
  static constexpr bool hands_out_its_state = false;
  template <class V>
  static V step(V x, V* state, const V*) {
    const V nothing = x - x;  // NaN where x is not finite
    const V known = select(nothing == nothing, x, state[0]);
    const V difference = known - state[0];
    state[0] = known;
    return difference;
  }
};

struct WeightedRunningSum {
  static constexpr size_t states = 1, parameters = 1;
  static constexpr bool hands_out_its_state = true;
  template <class V>
  static V step(V x, V* state, const V* parameter) {
    state[0] = parameter[0] * state[0] + x;
    return state[0];
  }
};

struct WeightedDifference {
  static constexpr size_t states = 1, parameters = 1;
  static constexpr bool hands_out_its_state = false;
  template <class V>
  static V step(V x, V* state, const V* parameter) {
    const V grown = parameter[0] * state[0];
    const V nothing = x - x;  // NaN where x is not finite
    const V known = select(nothing == nothing, x, grown);
    state[0] = known;
    return known - grown;
  }
};

struct Delay {
  static constexpr size_t states = 1, parameters = 0;
  static constexpr bool hands_out_its_state = false;
  template <class V>
  static V step(V x, V* state, const V*) {
    const V delayed = state[0];
    state[0] = x;
    return delayed;
  }
};

}  // namespace ONNX2SNN_ISA
}  // namespace onnx2snn
