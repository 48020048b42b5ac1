#include "step_node.h"

#include <algorithm>
#include <type_traits>

namespace onnx2snn {

namespace {

constexpr int64_t kElementsWorthAThread = 32768;
constexpr int64_t kMostParts = 64;
constexpr size_t kMostRepeated = kMostStates + kMostParameters + 1;

template <class Pointer>
Pointer moved(Pointer data, int64_t elements, ElementType type) {
  using Bytes = std::conditional_t<std::is_same_v<Pointer, void*>, char*, const char*>;
  if (data == nullptr) return data;
  return static_cast<Bytes>(data) + elements * static_cast<int64_t>(size_of(type));
}

}  // namespace

struct StepNode::Inputs {
  std::vector<InputTensor> others;  // states, then parameters
  InputTensor residual{};           // without data where there is none
  InputTensor residual_scale{};

  bool has_residual() const { return residual.data != nullptr; }

  static Inputs read(const Facts& facts, const Onnxruntime& ort, OrtKernelContext* context,
                     const InputPositions& positions) {
    Inputs inputs;
    const size_t count = facts.kernel->states + facts.kernel->parameters;
    for (size_t k = 0; k < count; ++k) inputs.others.push_back(ort.input(context, positions.states + k));
    if (!positions.residual) return inputs;
    inputs.residual = ort.input(context, *positions.residual);
    inputs.residual_scale = ort.input(context, *positions.residual + 1);
    if (inputs.residual.shape.empty()) inputs.residual.data = nullptr;  // a number stands for none
    return inputs;
  }

  // The shapes of all operands at one step, whose shape is `step`.
  std::vector<Shape> shapes(const Shape& step) const {
    std::vector<Shape> all{step};
    for (const InputTensor& other : others) all.push_back(other.shape);
    if (!has_residual()) return all;
    all.emplace_back(residual.shape.begin() + 1, residual.shape.end());
    all.push_back(residual_scale.shape);
    return all;
  }
};

StepNode::StepNode(const Facts& facts, const Onnxruntime& ort, OrtKernelContext* context,
                   const InputPositions& positions, const Shape& shape, int64_t time_steps)
    : StepNode(facts, ort, context, Inputs::read(facts, ort, context, positions), shape, time_steps) {}

StepNode::StepNode(const Facts& facts, const Onnxruntime& ort, OrtKernelContext* context, const Inputs& inputs,
                   const Shape& shape, int64_t time_steps)
    : facts_(facts), ort_(ort), context_(context), walk_(shape, inputs.shapes(shape)) {
  whole_.time_steps = static_cast<size_t>(time_steps);
  whole_.stream.varies = walk_.varies(0);
  whole_.output_step = static_cast<size_t>(walk_.elements());
  repeated_.reserve(kMostRepeated);
  set_operands(inputs);
  if (inputs.has_residual()) set_residual(inputs);
  set_outputs(shape);
}

// Returns where an operand is, repeated in memory if the walk wants it so.
const void* StepNode::repeated(size_t operand, const InputTensor& tensor, ElementType type) {
  if (!walk_.is_row(operand)) return tensor.data;
  const size_t bytes = static_cast<size_t>(number_of_elements(tensor.shape)) * size_of(type);
  const std::string row(static_cast<const char*>(tensor.data), bytes);
  repeated_.emplace_back();
  for (int64_t k = 0; k < walk_.repetitions(); ++k) repeated_.back() += row;
  return repeated_.back().data();
}

void StepNode::set_operands(const Inputs& inputs) {
  const size_t states = facts_.kernel->states;
  for (size_t k = 0; k < inputs.others.size(); ++k) {
    const ElementType type = k < states ? facts_.state_type() : facts_.type;
    Operand& operand = k < states ? whole_.states[k] : whole_.parameters[k - states];
    operand = {repeated(1 + k, inputs.others[k], type), walk_.varies(1 + k)};
  }
}

void StepNode::set_residual(const Inputs& inputs) {
  const size_t operand = 1 + inputs.others.size();
  const Shape& shape = inputs.residual.shape;
  const int64_t time_steps = static_cast<int64_t>(whole_.time_steps);
  if (shape[0] != time_steps || number_of_elements(shape) != walk_.elements() * time_steps) {
    throw InvalidInput("spikes of shape " + to_text(shape) + " cannot be added to the first input: shapes differ");
  }
  whole_.residual = {inputs.residual.data, walk_.varies(operand)};
  whole_.residual_step = whole_.output_step;
  const void* scale = repeated(operand + 1, inputs.residual_scale, facts_.type);
  whole_.residual_scale = {scale, walk_.varies(operand + 1)};
}

void StepNode::set_outputs(const Shape& shape) {
  Shape stream = shape;
  if (facts_.has_time_axis()) stream.insert(stream.begin(), static_cast<int64_t>(whole_.time_steps));
  whole_.outputs = ort_.output(context_, 0, stream);
  if (!facts_.hands_out_states()) return;
  for (size_t k = 0; k < facts_.kernel->states; ++k) whole_.states_after[k] = ort_.output(context_, 1 + k, shape);
}

// The run of `length` elements from element `start` on, without its stream.
StepRun StepNode::run_at(int64_t start, int64_t length, std::vector<int64_t>& positions) const {
  walk_.positions_at(start, positions);
  StepRun run = whole_;
  run.length = static_cast<size_t>(length);
  size_t operand = 1;
  for (size_t k = 0; k < facts_.kernel->states; ++k) {
    run.states[k].data = moved(run.states[k].data, positions[operand++], facts_.state_type());
    run.states_after[k] = moved(run.states_after[k], start, facts_.state_type());
  }
  for (size_t k = 0; k < facts_.kernel->parameters; ++k) {
    run.parameters[k].data = moved(run.parameters[k].data, positions[operand++], facts_.type);
  }
  if (run.residual.data != nullptr) {
    run.residual.data = moved(run.residual.data, positions[operand++], ElementType::kInt8);
    run.residual_scale.data = moved(run.residual_scale.data, positions[operand++], facts_.type);
  }
  run.outputs = moved(run.outputs, start, facts_.output_type());
  return run;
}

void StepNode::run_kernel(const StepRun& run) const {
  if (facts_.is_packed()) {
    facts_.kernel->run_packed(run);
  } else if (facts_.type == ElementType::kFloat) {
    facts_.kernel->run_float(run);
  } else if (facts_.type == ElementType::kInt64) {
    facts_.kernel->run_int64(run);
  } else {
    facts_.kernel->run_double(run);
  }
}

// Elements that are split among threads.
struct StepPart {
  const StepNode* node;
  Stream stream;
  int64_t first, stop, elements_a_part;

  static void run(void* user, size_t part) {
    const StepPart& all = *static_cast<const StepPart*>(user);
    const int64_t first = all.first + static_cast<int64_t>(part) * all.elements_a_part;
    const int64_t stop = std::min(all.stop, first + all.elements_a_part);
    std::vector<int64_t> positions;
    for (int64_t start = first; start < stop;) {
      const int64_t length = std::min(all.node->walk_.length_from(start), stop - start);
      StepRun run = all.node->run_at(start, length, positions);
      run.stream.data = moved(all.stream.data, start - all.first, all.node->facts_.type);
      run.stream_step = all.stream.step;
      all.node->run_kernel(run);
      start += length;
    }
  }
};

void StepNode::run(const Stream& stream, int64_t first, int64_t stop) const {
  const int64_t elements = stop - first;
  if (elements == 0) return;
  StepPart all{this, stream, first, stop, elements};
  const int64_t total = elements * static_cast<int64_t>(whole_.time_steps);
  const int64_t parts = std::min(kMostParts, total / kElementsWorthAThread);
  if (parts < 2) return StepPart::run(&all, 0);
  all.elements_a_part = (elements + parts - 1) / parts;
  const int64_t used = (elements + all.elements_a_part - 1) / all.elements_a_part;
  ort_.run_in_parallel(context_, StepPart::run, static_cast<size_t>(used), &all);
}

}  // namespace onnx2snn
