#include "step_operator.h"

#include "kernels.h"
#include "step_node.h"

namespace onnx2snn {

namespace {

std::string name_of(const Facts& facts) {
  const std::string name = facts.kernel->name;
  if (facts.form == Form::kOneStep) return name;
  return name + (facts.is_packed() ? "Packed" : "MultiStep");
}

// Of the packed form: the stream, spikes that are added and their scale, T, states, parameters.
constexpr size_t kTimeSteps = 3;

InputPositions positions_of(const Facts& facts) {
  if (facts.is_packed()) return {1, 4};
  return {std::nullopt, 1};
}

std::vector<ElementType> inputs_of(const Facts& facts) {
  std::vector<ElementType> types{facts.type};
  if (facts.is_packed()) {
    types.insert(types.end(), {ElementType::kInt8, facts.type, ElementType::kInt64});
  }
  types.insert(types.end(), facts.kernel->states, facts.state_type());
  types.insert(types.end(), facts.kernel->parameters, facts.type);
  return types;
}

std::vector<ElementType> outputs_of(const Facts& facts) {
  std::vector<ElementType> types{facts.output_type()};
  if (facts.hands_out_states()) types.insert(types.end(), facts.kernel->states, facts.state_type());
  return types;
}

// The shape of one step, from that of the first input.
Shape shape_of_one_step(const Shape& stream, bool has_time_axis) {
  if (!has_time_axis) return stream;
  if (stream.empty()) throw InvalidInput("the first input is a single number; it needs an axis of time in front");
  return Shape(stream.begin() + 1, stream.end());
}

class StepKernel : public NodeKernel {
 public:
  explicit StepKernel(const Facts& facts) : facts_(facts) {}

  void compute(const Onnxruntime& ort, OrtKernelContext* context) override {
    const InputTensor stream = ort.input(context, 0);
    const Shape shape = shape_of_one_step(stream.shape, facts_.has_time_axis());
    const int64_t time_steps = time_steps_of(ort, context, stream.shape);
    const StepNode node(facts_, ort, context, positions_of(facts_), shape, time_steps);
    const size_t step = is_constant_in_time(stream.shape) ? 0 : static_cast<size_t>(node.elements());
    node.run({stream.data, step}, 0, node.elements());
  }

 private:
  bool is_constant_in_time(const Shape& stream) const { return facts_.is_packed() && stream[0] == 1; }

  int64_t time_steps_of(const Onnxruntime& ort, OrtKernelContext* context, const Shape& stream) const {
    if (!facts_.has_time_axis()) return 1;
    if (!is_constant_in_time(stream)) return stream[0];
    const InputTensor count = ort.input(context, kTimeSteps);
    if (number_of_elements(count.shape) != 1) throw InvalidInput("T " + to_text(count.shape) + " is not one number");
    const int64_t time_steps = *static_cast<const int64_t*>(count.data);
    if (time_steps < 0) throw InvalidInput("T is " + std::to_string(time_steps));
    return time_steps;
  }

  const Facts facts_;
};

class StepOperator : public CustomOperator {
 public:
  explicit StepOperator(const Facts& facts)
      : CustomOperator(name_of(facts), inputs_of(facts), outputs_of(facts)), facts_(facts) {}

  std::unique_ptr<NodeKernel> make_kernel(const Onnxruntime&, const OrtKernelInfo*) const override {
    return std::make_unique<StepKernel>(facts_);
  }

 private:
  const Facts facts_;
};

}  // namespace

void add_step_operators(Operators& operators) {
  const InstructionSet& set = chosen_instruction_set();
  const auto add = [&](const Facts& facts) { operators.push_back(std::make_unique<StepOperator>(facts)); };
  for (size_t k = 0; k < kKernels; ++k) {
    const Kernel* kernel = &set.kernels[k];
    for (const Form form : {Form::kOneStep, Form::kMultiStep}) {
      for (const ElementType type : {ElementType::kFloat, ElementType::kDouble}) add({kernel, form, type});
      if (kernel->run_int64 != nullptr) add({kernel, form, ElementType::kInt64});
    }
    if (kernel->run_packed != nullptr) add({kernel, Form::kPacked, ElementType::kFloat});
  }
}

}  // namespace onnx2snn
