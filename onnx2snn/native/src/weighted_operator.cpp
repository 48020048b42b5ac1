#include "weighted_operator.h"

#include <atomic>
#include <mutex>

#include "kernels.h"
#include "scratch.h"
#include "step_node.h"
#include "weighted_node.h"

#if defined(_OPENMP)
#include <omp.h>
#endif

#if defined(__unix__)
#include <unistd.h>
#endif

namespace onnx2snn {

namespace {

std::atomic<int> most_threads{0};

void limit_threads() {
#if defined(_OPENMP)
  if (most_threads > 0) omp_set_num_threads(most_threads);
#endif
}

// How many floats the second half of a cache of the second level holds.
int64_t numbers_in_cache() {
  constexpr int64_t kCommonCache = 1 << 20;
  int64_t bytes = 0;
#if defined(_SC_LEVEL2_CACHE_SIZE)
  bytes = sysconf(_SC_LEVEL2_CACHE_SIZE);
#endif
  if (bytes <= 0) bytes = kCommonCache;
  return bytes / 2 / static_cast<int64_t>(sizeof(float));
}

// What a weighted operator is.
struct WeightedFacts {
  WeightedKind kind;
  ElementType incoming;
  ElementType weights;
};

std::string name_of(const WeightedFacts& facts) {
  const std::string from = facts.incoming == ElementType::kInt8 ? "Spike" : "Real";
  switch (facts.kind) {
    case WeightedKind::kConvolution:
      return from + "Conv";
    case WeightedKind::kTransposedConvolution:
      return from + "ConvTranspose";
    default:
      return from + "MatMul";
  }
}

std::vector<ElementType> inputs_of(const WeightedFacts& facts) {
  return {facts.incoming, facts.weights, ElementType::kFloat, ElementType::kFloat};
}

class WeightedKernel : public NodeKernel {
 public:
  WeightedKernel(const WeightedFacts& facts, const Onnxruntime& ort, const OrtKernelInfo* node)
      : weighted_(facts.kind, facts.incoming, facts.weights, ort, node) {}

  void compute(const Onnxruntime& ort, OrtKernelContext* context) override {
    const InputTensor incoming = ort.input(context, 0);
    // What is prepared is used by one run at a time.
    const std::lock_guard<std::mutex> lock(mutex_);
    limit_threads();
    weighted_.read(ort, context, incoming.shape);
    void* result = ort.output(context, 0, weighted_.result());
    if (number_of_elements(weighted_.result()) == 0) return;
    weighted_.prepared(weighted_.whole()).run(
        {static_cast<const char*>(incoming.data), 1, 0}, static_cast<float*>(result));
  }

 private:
  std::mutex mutex_;
  WeightedNode weighted_;
};

class WeightedOperator : public CustomOperator {
 public:
  explicit WeightedOperator(const WeightedFacts& facts)
      : CustomOperator(name_of(facts), inputs_of(facts), {ElementType::kFloat}), facts_(facts) {}

  std::unique_ptr<NodeKernel> make_kernel(const Onnxruntime& ort, const OrtKernelInfo* node) const override {
    return std::make_unique<WeightedKernel>(facts_, ort, node);
  }

 private:
  const WeightedFacts facts_;
};

// Weights, and the neurons that they drive: inputs of the first, then those of the second but for
// the stream and T.
class DrivenKernel : public NodeKernel {
 public:
  DrivenKernel(const WeightedFacts& facts, const Facts& neuron, const Onnxruntime& ort, const OrtKernelInfo* node)
      : item_(static_cast<int64_t>(size_of(facts.incoming))),
        neuron_(neuron),
        weighted_(facts.kind, facts.incoming, facts.weights, ort, node) {}

  // Slice after slice goes through all steps, so that a cache holds what drives the neurons.
  void compute(const Onnxruntime& ort, OrtKernelContext* context) override {
    static const int64_t most_numbers = numbers_in_cache();
    const InputTensor incoming = ort.input(context, 0);
    const std::lock_guard<std::mutex> lock(mutex_);
    limit_threads();
    weighted_.read(ort, context, incoming.shape);
    const Shape& result = weighted_.result();
    if (result.size() < 2) throw InvalidInput("spikes " + to_text(incoming.shape) + " have no axis of time in front");
    const Shape step(result.begin() + 1, result.end());
    const StepNode neurons(neuron_, ort, context, {kResidual, kResidual + 2}, step, result[0]);
    if (number_of_elements(result) == 0) return;
    for (const StepSlice& slice : weighted_.slices(most_numbers)) {
      const float* currents = multiply(incoming, slice, result[0]);
      const int64_t length = slice.stop - slice.first;
      neurons.run({currents, static_cast<size_t>(length)}, slice.first, slice.stop);
    }
  }

 private:
  static constexpr size_t kResidual = 4;

  // Returns what drives the neurons of a slice, at all steps.
  const float* multiply(const InputTensor& incoming, const StepSlice& slice, int64_t time_steps) {
    static thread_local Scratch scratch;
    const int64_t length = slice.stop - slice.first;
    float* currents = static_cast<float*>(scratch.bytes(static_cast<size_t>(time_steps * length) * sizeof(float)));
    const int64_t step = number_of_elements(incoming.shape) / time_steps * item_;
    const char* first = static_cast<const char*>(incoming.data) + slice.source * item_;
    weighted_.prepared(slice).run({first, slice.has_all_steps ? 1 : time_steps, step}, currents);
    return currents;
  }

  const int64_t item_;  // bytes of a number that comes in
  const Facts neuron_;
  std::mutex mutex_;
  WeightedNode weighted_;
};

class DrivenOperator : public CustomOperator {
 public:
  DrivenOperator(const WeightedFacts& facts, const Kernel* kernel)
      : CustomOperator(name_of(facts) + kernel->name, all_inputs(facts, *kernel), all_outputs(*kernel)),
        facts_(facts),
        neuron_{kernel, Form::kPacked, ElementType::kFloat} {}

  std::unique_ptr<NodeKernel> make_kernel(const Onnxruntime& ort, const OrtKernelInfo* node) const override {
    return std::make_unique<DrivenKernel>(facts_, neuron_, ort, node);
  }

 private:
  static std::vector<ElementType> all_inputs(const WeightedFacts& facts, const Kernel& kernel) {
    std::vector<ElementType> types = inputs_of(facts);
    types.insert(types.end(), {ElementType::kInt8, ElementType::kFloat});
    types.insert(types.end(), kernel.states + kernel.parameters, ElementType::kFloat);
    return types;
  }

  static std::vector<ElementType> all_outputs(const Kernel& kernel) {
    std::vector<ElementType> types{ElementType::kInt8};
    types.insert(types.end(), kernel.states, ElementType::kFloat);
    return types;
  }

  const WeightedFacts facts_;
  const Facts neuron_;
};

void add_all(Operators& operators, const WeightedFacts& facts) {
  const InstructionSet& set = chosen_instruction_set();
  operators.push_back(std::make_unique<WeightedOperator>(facts));
  for (size_t k = 0; k < kKernels; ++k) {
    const Kernel* kernel = &set.kernels[k];
    if (kernel->run_packed != nullptr) operators.push_back(std::make_unique<DrivenOperator>(facts, kernel));
  }
}

}  // namespace

void add_weighted_operators(Operators& operators) {
  for (const WeightedKind kind :
       {WeightedKind::kConvolution, WeightedKind::kTransposedConvolution, WeightedKind::kMatrixProduct}) {
    for (const ElementType incoming : {ElementType::kInt8, ElementType::kFloat}) {
      for (const ElementType weights : {ElementType::kInt8, ElementType::kFloat}) {
        add_all(operators, {kind, incoming, weights});
      }
    }
  }
}

std::string multiplying_library() {
  const dnnl_version_t* version = dnnl_version();
  const std::string name = "oneDNN " + std::to_string(version->major) + "." + std::to_string(version->minor) + "." +
                           std::to_string(version->patch);
  if (multiplies_bytes()) return name + ", in bytes";
  return name + ", in float32: this processor has no VNNI, which multiplies bytes several times faster";
}

void set_multiplying_threads(int threads) { most_threads = threads; }

}  // namespace onnx2snn
