#include "step_operator.h"

#include <algorithm>

#include "broadcasting.h"
#include "kernels.h"

namespace onnx2snn {

namespace {

constexpr int64_t kElementsWorthAThread = 32768;
constexpr int64_t kMostParts = 64;
constexpr size_t kMostRepeated = kMostStates + kMostParameters + 1;

enum class Form {
  kOneStep,    // all tensors are of one time step
  kMultiStep,  // the first input and the first output have an axis of time in front
  kPacked,     // as kMultiStep; spikes are int8, and some may be added to the first input
};

// What one operator is, in one form, for one type of numbers.
struct Facts {
  const Kernel* kernel;
  Form form;
  ElementType type;

  bool has_time_axis() const { return form != Form::kOneStep; }
  bool is_packed() const { return form == Form::kPacked; }
  bool hands_out_states() const { return has_time_axis() || !kernel->hands_out_its_state; }
  ElementType state_type() const { return kernel->integer_states ? ElementType::kInt64 : type; }
  ElementType output_type() const { return is_packed() ? ElementType::kInt8 : type; }
  size_t first_state() const { return is_packed() ? 4 : 1; }
  size_t first_parameter() const { return first_state() + kernel->states; }
};

std::string name_of(const Facts& facts) {
  const std::string name = facts.kernel->name;
  if (facts.form == Form::kOneStep) return name;
  return name + (facts.is_packed() ? "Packed" : "MultiStep");
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

// What the parts of a node's work share.
struct Work {
  const Facts* facts;
  const Walk* walk;
  StepRun first;  // operands at their first element
  int64_t elements_a_part;
};

template <class Pointer>
Pointer moved(Pointer data, int64_t elements, ElementType type) {
  using Bytes = std::conditional_t<std::is_same_v<Pointer, void*>, char*, const char*>;
  if (data == nullptr) return data;
  return static_cast<Bytes>(data) + elements * static_cast<int64_t>(size_of(type));
}

// The run of `length` elements from element `start` on. Operands are in the order of `compute`.
StepRun run_at(const Work& work, int64_t start, int64_t length, std::vector<int64_t>& positions) {
  work.walk->positions_at(start, positions);
  const Facts& facts = *work.facts;
  StepRun run = work.first;
  run.length = static_cast<size_t>(length);
  size_t operand = 0;
  run.stream.data = moved(run.stream.data, positions[operand++], facts.type);
  for (size_t k = 0; k < facts.kernel->states; ++k) {
    run.states[k].data = moved(run.states[k].data, positions[operand++], facts.state_type());
    run.states_after[k] = moved(run.states_after[k], start, facts.state_type());
  }
  for (size_t k = 0; k < facts.kernel->parameters; ++k) {
    run.parameters[k].data = moved(run.parameters[k].data, positions[operand++], facts.type);
  }
  if (run.residual.data != nullptr) {
    run.residual.data = moved(run.residual.data, positions[operand++], ElementType::kInt8);
    run.residual_scale.data = moved(run.residual_scale.data, positions[operand++], facts.type);
  }
  run.outputs = moved(run.outputs, start, facts.output_type());
  return run;
}

void run_kernel(const Facts& facts, const StepRun& run) {
  if (facts.is_packed()) {
    facts.kernel->run_packed(run);
  } else if (facts.type == ElementType::kFloat) {
    facts.kernel->run_float(run);
  } else if (facts.type == ElementType::kInt64) {
    facts.kernel->run_int64(run);
  } else {
    facts.kernel->run_double(run);
  }
}

void run_part(void* user, size_t part) {
  const Work& work = *static_cast<const Work*>(user);
  const int64_t first = static_cast<int64_t>(part) * work.elements_a_part;
  const int64_t stop = std::min(work.walk->elements(), first + work.elements_a_part);
  std::vector<int64_t> positions;
  for (int64_t start = first; start < stop;) {
    const int64_t length = std::min(work.walk->length_from(start), stop - start);
    run_kernel(*work.facts, run_at(work, start, length, positions));
    start += length;
  }
}

void run_all(const Onnxruntime& ort, const OrtKernelContext* context, Work& work) {
  const int64_t elements = work.walk->elements();
  if (elements == 0) return;
  const int64_t total = elements * static_cast<int64_t>(work.first.time_steps);
  const int64_t parts = std::min(kMostParts, total / kElementsWorthAThread);
  if (parts < 2) {
    work.elements_a_part = elements;
    run_part(&work, 0);
    return;
  }
  work.elements_a_part = (elements + parts - 1) / parts;
  const int64_t used = (elements + work.elements_a_part - 1) / work.elements_a_part;
  ort.run_in_parallel(context, run_part, static_cast<size_t>(used), &work);
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
    const std::vector<InputTensor> others = read_others(ort, context);
    const Residual residual = read_residual(ort, context);

    std::vector<Shape> shapes{shape};
    for (const InputTensor& other : others) shapes.push_back(other.shape);
    if (residual.spikes.data != nullptr) {
      shapes.push_back(shape_of_one_step(residual.spikes.shape, true));
      shapes.push_back(residual.scale.shape);
    }
    const Walk walk(shape, shapes);

    Work work{&facts_, &walk, {}, 0};
    StepRun& run = work.first;
    const int64_t time_steps = time_steps_of(ort, context, stream.shape);
    run.time_steps = static_cast<size_t>(time_steps);
    run.stream = {stream.data, walk.varies(0)};
    run.output_step = static_cast<size_t>(walk.elements());
    run.stream_step = is_constant_in_time(stream.shape) ? 0 : run.output_step;
    std::vector<std::string> repeated;
    repeated.reserve(kMostRepeated);  // operands point into it
    set_operands(run, walk, others, repeated);
    if (residual.spikes.data != nullptr) set_residual(run, walk, residual, repeated);
    set_outputs(ort, context, run, shape, time_steps);
    run_all(ort, context, work);
  }

 private:
  struct Residual {
    InputTensor spikes;
    InputTensor scale;
  };

  // States, then parameters.
  std::vector<InputTensor> read_others(const Onnxruntime& ort, OrtKernelContext* context) const {
    std::vector<InputTensor> others;
    const size_t count = facts_.kernel->states + facts_.kernel->parameters;
    for (size_t k = 0; k < count; ++k) others.push_back(ort.input(context, facts_.first_state() + k));
    return others;
  }

  // Spikes that are added to the first input; a single number stands for none.
  Residual read_residual(const Onnxruntime& ort, OrtKernelContext* context) const {
    if (!facts_.is_packed()) return {};
    Residual residual{ort.input(context, 1), ort.input(context, 2)};
    if (residual.spikes.shape.empty()) residual.spikes.data = nullptr;
    return residual;
  }

  bool is_constant_in_time(const Shape& stream) const { return facts_.is_packed() && stream[0] == 1; }

  int64_t time_steps_of(const Onnxruntime& ort, OrtKernelContext* context, const Shape& stream) const {
    if (!facts_.has_time_axis()) return 1;
    if (!is_constant_in_time(stream)) return stream[0];
    const InputTensor count = ort.input(context, 3);
    if (number_of_elements(count.shape) != 1) throw InvalidInput("T " + to_text(count.shape) + " is not one number");
    const int64_t time_steps = *static_cast<const int64_t*>(count.data);
    if (time_steps < 0) throw InvalidInput("T is " + std::to_string(time_steps));
    return time_steps;
  }

  // Return where an operand is, repeated in memory if the walk wants it so.
  const void* data_of(const Walk& walk, size_t operand, const InputTensor& tensor, ElementType type,
                      std::vector<std::string>& repeated) const {
    if (!walk.is_row(operand)) return tensor.data;
    const size_t bytes = static_cast<size_t>(number_of_elements(tensor.shape)) * size_of(type);
    const std::string row(static_cast<const char*>(tensor.data), bytes);
    repeated.emplace_back();
    for (int64_t k = 0; k < walk.repetitions(); ++k) repeated.back() += row;
    return repeated.back().data();
  }

  void set_operands(StepRun& run, const Walk& walk, const std::vector<InputTensor>& others,
                    std::vector<std::string>& repeated) const {
    const size_t states = facts_.kernel->states;
    for (size_t k = 0; k < others.size(); ++k) {
      const ElementType type = k < states ? facts_.state_type() : facts_.type;
      Operand& operand = k < states ? run.states[k] : run.parameters[k - states];
      operand = {data_of(walk, 1 + k, others[k], type, repeated), walk.varies(1 + k)};
    }
  }

  void set_residual(StepRun& run, const Walk& walk, const Residual& residual,
                    std::vector<std::string>& repeated) const {
    const size_t operand = 1 + facts_.kernel->states + facts_.kernel->parameters;
    const Shape& shape = residual.spikes.shape;
    const int64_t time_steps = static_cast<int64_t>(run.time_steps);
    if (shape[0] != time_steps || number_of_elements(shape) != walk.elements() * time_steps) {
      throw InvalidInput("spikes of shape " + to_text(shape) + " cannot be added to the first input: shapes differ");
    }
    run.residual = {residual.spikes.data, walk.varies(operand)};
    run.residual_step = run.output_step;
    const void* scale = data_of(walk, operand + 1, residual.scale, facts_.type, repeated);
    run.residual_scale = {scale, walk.varies(operand + 1)};
  }

  void set_outputs(const Onnxruntime& ort, OrtKernelContext* context, StepRun& run, const Shape& shape,
                   int64_t time_steps) const {
    Shape stream = shape;
    if (facts_.has_time_axis()) stream.insert(stream.begin(), time_steps);
    run.outputs = ort.output(context, 0, stream);
    if (!facts_.hands_out_states()) return;
    for (size_t k = 0; k < facts_.kernel->states; ++k) run.states_after[k] = ort.output(context, 1 + k, shape);
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
