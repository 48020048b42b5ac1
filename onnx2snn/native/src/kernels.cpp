// All kernels for one instruction set: compiled once for each, see vectors.h.

#include "kernels.h"

#include "step_run.h"
#include "steps.h"

namespace onnx2snn {
namespace ONNX2SNN_ISA {

namespace {

template <class V, class Real>
inline V load_at(const Operand& operand, size_t index) {
  const Real* numbers = static_cast<const Real*>(operand.data);
  if (operand.varies) return load<typename Storage<V, Real>::type>(numbers + index);
  return numbers[0] - V{};  // adding would make 0 of -0
}

template <class V, class Real>
inline void store_at(void* to, size_t index, V values) {
  *reinterpret_cast<typename Storage<V, Real>::type*>(static_cast<Real*>(to) + index) = values;
}

// Take as many elements as V holds through all time steps.
template <class Op, class V, class Real>
inline void run_steps(const StepRun& run, size_t index) {
  V states[kMostStates];
  V parameters[kMostParameters];
  for (size_t k = 0; k < Op::states; ++k) states[k] = load_at<V, Real>(run.states[k], index);
  for (size_t k = 0; k < Op::parameters; ++k) parameters[k] = load_at<V, Real>(run.parameters[k], index);
  Operand stream = run.stream;
  Real* outputs = static_cast<Real*>(run.outputs);
  for (size_t step = 0; step < run.time_steps; ++step) {
    const V current = load_at<V, Real>(stream, index);
    store_at<V, Real>(outputs, index, Op::step(current, states, parameters));
    stream.data = static_cast<const Real*>(stream.data) + run.stream_step;
    outputs += run.output_step;
  }
  for (size_t k = 0; k < Op::states; ++k) {
    if (run.states_after[k] != nullptr) store_at<V, Real>(run.states_after[k], index, states[k]);
  }
}

template <class Op, class Real>
void run_operator(const StepRun& run) {
  using Vector = typename VectorOf<Real>::type;
  constexpr size_t lanes = VectorOf<Real>::size;
  size_t index = 0;
  for (; index + lanes <= run.length; index += lanes) run_steps<Op, Vector, Real>(run, index);
  for (; index < run.length; ++index) run_steps<Op, Real, Real>(run, index);
}

// As run_steps, with spikes as int8: those that come in beside the stream, and those that go out.
//
// Several vectors go through a step together: each waits for itself in the step before, not for the
// others, and more of a row of memory is used at once. What the loop needs is copied first: a byte
// that is written might be anything to a compiler.
template <class Op, class V, class Bytes, bool kHasResidual, size_t kVectors>
inline void run_packed_steps(const StepRun& run, size_t index) {
  constexpr size_t lanes = sizeof(V) / sizeof(float);
  V states[kVectors][kMostStates];
  V parameters[kVectors][kMostParameters];
  V scales[kVectors];
  for (size_t n = 0; n < kVectors; ++n) {
    const size_t at = index + n * lanes;
    for (size_t k = 0; k < Op::states; ++k) states[n][k] = load_at<V, float>(run.states[k], at);
    for (size_t k = 0; k < Op::parameters; ++k) parameters[n][k] = load_at<V, float>(run.parameters[k], at);
    if (kHasResidual) scales[n] = load_at<V, float>(run.residual_scale, at);
  }
  const size_t time_steps = run.time_steps, stream_step = run.stream_step;
  const size_t residual_step = run.residual_step, output_step = run.output_step;
  const bool varies = run.stream.varies;
  const float* stream = static_cast<const float*>(run.stream.data);
  const int8_t* residual = static_cast<const int8_t*>(run.residual.data) + (kHasResidual ? index : 0);
  int8_t* outputs = static_cast<int8_t*>(run.outputs) + index;
  for (size_t step = 0; step < time_steps; ++step) {
    V spikes[kVectors];
    for (size_t n = 0; n < kVectors; ++n) {
      V current = load_at<V, float>({stream, varies}, index + n * lanes);
      if (kHasResidual) current = current + to_floats<V, Bytes>(residual + n * lanes) * scales[n];
      spikes[n] = Op::step(current, states[n], parameters[n]);
    }
    store_all_bytes<V, Bytes, kVectors>(outputs, spikes);
    stream += stream_step;
    residual += residual_step;
    outputs += output_step;
  }
  for (size_t n = 0; n < kVectors; ++n) {
    for (size_t k = 0; k < Op::states; ++k) {
      if (run.states_after[k] != nullptr) store_at<V, float>(run.states_after[k], index + n * lanes, states[n][k]);
    }
  }
}

template <class Op, bool kHasResidual>
inline void run_packed(const StepRun& run) {
  using Vector = typename VectorOf<float>::type;
  constexpr size_t lanes = VectorOf<float>::size;
  constexpr size_t together = lanes > 4 ? lanes / 4 : 1;  // as the registers of an instruction set allow
  size_t index = 0;
  for (; index + together * lanes <= run.length; index += together * lanes) {
    run_packed_steps<Op, Vector, ByteVector, kHasResidual, together>(run, index);
  }
  for (; index + lanes <= run.length; index += lanes) {
    run_packed_steps<Op, Vector, ByteVector, kHasResidual, 1>(run, index);
  }
  for (; index < run.length; ++index) run_packed_steps<Op, float, int8_t, kHasResidual, 1>(run, index);
}

template <class Op>
void run_packed_operator(const StepRun& run) {
  if (run.residual.data == nullptr) {
    run_packed<Op, false>(run);
  } else {
    run_packed<Op, true>(run);
  }
}

// The upper halves of floats, rounded to the nearest, ties to even. Bits and floats are as wide.
template <class Bits, class V>
inline Bits rounded_halves(V values) {
  Bits bits;
  __builtin_memcpy(&bits, &values, sizeof bits);
  const Bits halves = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  return select(values == values, halves, halves - halves + 0x7fc0);
}

// Splits as many floats as V holds.
template <class V, class Bits, class Halves>
inline void split(const float* numbers, uint16_t* upper, uint16_t* lower) {
  const V values = load_at<V, float>({numbers, true}, 0);
  const Bits halves = rounded_halves<Bits>(values);
  const Bits upper_bits = halves << 16;
  V known;
  __builtin_memcpy(&known, &upper_bits, sizeof known);
  const V left = values - known;
  const V nothing = left - left;  // NaN beside a number that is not finite
  const Bits rest = rounded_halves<Bits>(select(nothing == nothing, left, V{}));
  store_halves<Bits, Halves>(upper, halves);
  store_halves<Bits, Halves>(lower, rest);
}

inline void split_row(const float* numbers, size_t count, uint16_t* upper, uint16_t* lower) {
  constexpr size_t lanes = VectorOf<float>::size;
  size_t k = 0;
  for (; k + lanes <= count; k += lanes) {
    split<VectorOf<float>::type, VectorOf<uint32_t>::type, HalfVector>(numbers + k, upper + k, lower + k);
  }
  for (; k < count; ++k) split<float, uint32_t, uint16_t>(numbers + k, upper + k, lower + k);
}

// One step of the encoder, whose generator counts in integers.
template <class Real>
inline Real encode(Real x, int64_t& generator, Real magnitude) {
  generator = generator * 48271 % 2147483647;
  const float draw = static_cast<float>(generator / 128) * 5.9604644775390625e-08f;
  const Real level = static_cast<Real>(draw) * magnitude;
  const Real size = x < 0 ? -x : x;
  const Real sign = x > 0 ? Real(1) : x < 0 ? Real(-1) : x;
  return level < size ? sign : 0 * sign;
}

template <class Real>
void run_bernoulli_encoder(const StepRun& run) {
  for (size_t index = 0; index < run.length; ++index) {
    const int64_t* generators = static_cast<const int64_t*>(run.states[0].data);
    int64_t generator = generators[run.states[0].varies ? index : 0];
    const Real magnitude = load_at<Real, Real>(run.parameters[0], index);
    Operand stream = run.stream;
    Real* outputs = static_cast<Real*>(run.outputs);
    for (size_t step = 0; step < run.time_steps; ++step) {
      outputs[index] = encode(load_at<Real, Real>(stream, index), generator, magnitude);
      stream.data = static_cast<const Real*>(stream.data) + run.stream_step;
      outputs += run.output_step;
    }
    if (run.states_after[0] != nullptr) static_cast<int64_t*>(run.states_after[0])[index] = generator;
  }
}

template <class Op>
constexpr Kernel kernel_of(const char* name) {
  return {name,
          Op::states,
          Op::parameters,
          /*integer_states=*/false,
          Op::hands_out_its_state,
          run_operator<Op, float>,
          run_operator<Op, double>,
          nullptr,
          nullptr};
}

// A sum, also of integers: steps are counted so.
template <class Op>
constexpr Kernel sum_of(const char* name) {
  Kernel kernel = kernel_of<Op>(name);
  kernel.run_int64 = run_operator<Op, int64_t>;
  return kernel;
}

template <class Op>
constexpr Kernel neuron_of(const char* name) {
  Kernel kernel = kernel_of<Op>(name);
  kernel.run_packed = run_packed_operator<Op>;
  return kernel;
}

constexpr Kernel kBernoulliEncoder = {"BernoulliEncoder",
                                      1,
                                      1,
                                      /*integer_states=*/true,
                                      /*hands_out_its_state=*/false,
                                      run_bernoulli_encoder<float>,
                                      run_bernoulli_encoder<double>,
                                      nullptr,
                                      nullptr};

constexpr Kernel kAll[kKernels] = {
    neuron_of<IntegrateAndFire>("IntegrateAndFire"),
    neuron_of<HardResetIF>("HardResetIF"),
    neuron_of<DoubleThresholdIF>("DoubleThresholdIF"),
    neuron_of<GatedDoubleThresholdIF>("GatedDoubleThresholdIF"),
    neuron_of<AugmentedIF>("AugmentedIF"),
    neuron_of<InverseLeakyIF>("InverseLeakyIF"),
    neuron_of<SignedInverseLeakyIF>("SignedInverseLeakyIF"),
    neuron_of<GatedInverseLeakyIF>("GatedInverseLeakyIF"),
    sum_of<RunningSum>("RunningSum"),
    kernel_of<Difference>("Difference"),
    kernel_of<WeightedRunningSum>("WeightedRunningSum"),
    kernel_of<WeightedDifference>("WeightedDifference"),
    kernel_of<Delay>("Delay"),
    kBernoulliEncoder,
};

constexpr bool is_same(const char* a, const char* b) {
  while (*a != 0 && *a == *b) ++a, ++b;
  return *a == *b;
}

// Whether a kernel here takes and gives what the package declares for an operator.
constexpr bool is_declared(const char* name, size_t states, size_t parameters, bool integer_states,
                           bool hands_out_its_state) {
  for (const Kernel& kernel : kAll) {
    if (!is_same(kernel.name, name)) continue;
    return kernel.states == states && kernel.parameters == parameters && kernel.integer_states == integer_states &&
           kernel.hands_out_its_state == hands_out_its_state;
  }
  return false;
}

#define ONNX2SNN_OPERATOR(name, states, parameters, integer_states, hands_out_its_state)    \
  static_assert(is_declared(name, states, parameters, integer_states, hands_out_its_state), \
                name " is declared otherwise in onnx2snn/ops: change its kernel in steps.h");
#include "signatures.inc"
#undef ONNX2SNN_OPERATOR

// Elements of a stream that is pooled, as floats: floats themselves, or bytes.
template <class V>
struct Floats {
  static V load(const void* from, size_t index) { return load_at<V, float>({from, true}, index); }
  static void store(void* to, size_t index, V values) { store_at<V, float>(to, index, values); }
};

template <class V, class Packing>
struct Spikes {
  static V load(const void* from, size_t index) {
    return to_floats<V, Packing>(static_cast<const int8_t*>(from) + index);
  }
  static void store(void* to, size_t index, V values) {
    store_bytes<V, Packing>(static_cast<int8_t*>(to) + index, values);
  }
};

// As many channels as V holds: at each step, by how much the largest sum in the window has grown.
template <class V, class Elements>
inline void pool_steps(const PoolRun& run, size_t channel) {
  V* sums = reinterpret_cast<V*>(run.sums);
  for (size_t k = 0; k < run.window; ++k) sums[k] = V{};
  V previous{};
  size_t from = channel, to = channel;
  for (size_t step = 0; step < run.time_steps; ++step) {
    V largest = sums[0] = sums[0] + Elements::load(run.stream, from + run.entries[0]);
    for (size_t k = 1; k < run.window; ++k) {
      sums[k] = sums[k] + Elements::load(run.stream, from + run.entries[k]);
      largest = larger(largest, sums[k]);
    }
    const V nothing = largest - largest;  // NaN where it is not finite
    const V known = select(nothing == nothing, largest, previous);
    Elements::store(run.outputs, to, known - previous);
    previous = known;
    from += run.stream_step;
    to += run.output_step;
  }
}

}  // namespace

void pool_floats(const PoolRun& run) {
  using Vector = typename VectorOf<float>::type;
  constexpr size_t lanes = VectorOf<float>::size;
  size_t channel = 0;
  for (; channel + lanes <= run.channels; channel += lanes) pool_steps<Vector, Floats<Vector>>(run, channel);
  for (; channel < run.channels; ++channel) pool_steps<float, Floats<float>>(run, channel);
}

void pool_spikes(const PoolRun& run) {
  using Vector = typename VectorOf<float>::type;
  constexpr size_t lanes = VectorOf<float>::size;
  size_t channel = 0;
  for (; channel + lanes <= run.channels; channel += lanes) {
    pool_steps<Vector, Spikes<Vector, ByteVector>>(run, channel);
  }
  for (; channel < run.channels; ++channel) pool_steps<float, Spikes<float, int8_t>>(run, channel);
}

void split_floats(const HalvesRun& run) {
  const size_t channels = run.channels;
  for (size_t row = 0; row < run.rows; ++row) {
    const float* numbers = run.numbers + row * channels;
    uint16_t* upper = run.halves + row * run.parts * channels;
    split_row(numbers, channels, upper, upper + channels);
    if (run.parts > 2) __builtin_memcpy(upper + 2 * channels, upper, channels * sizeof(uint16_t));
  }
}

extern const Kernel* const kernels = kAll;

}  // namespace ONNX2SNN_ISA
}  // namespace onnx2snn
