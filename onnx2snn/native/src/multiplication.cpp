#include "multiplication.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "digits.h"
#include "kernels.h"
#include "scratch.h"

namespace onnx2snn {

namespace {

using dnnl::memory;
using dnnl::primitive_attr;
using DataType = memory::data_type;

dnnl::stream& in_order() {
  static thread_local dnnl::stream stream(cpu());
  return stream;
}

// Whether oneDNN uses an instruction set that has all of another one.
bool has(dnnl_cpu_isa_t wanted) {
  static const unsigned used = static_cast<unsigned>(dnnl_get_effective_cpu_isa());
  const unsigned bits = static_cast<unsigned>(wanted);
  return (used & bits) == bits;
}

bool multiplies_bfloat16() { return has(dnnl_cpu_isa_avx512_core_bf16); }

memory anywhere(const memory::desc& description) { return memory(description, cpu(), nullptr); }

// A copy: the model may be gone when the copy is used.
memory copied(const memory::desc& description, const float* data) {
  memory result(description, cpu());
  std::memcpy(result.get_data_handle(), data, description.get_size());
  return result;
}

ChannelWeights floats_of(const Weights& weights) {
  return {static_cast<const float*>(weights.data), number_of_elements(weights.shape), weights.outputs,
          weights.are_outputs_last};
}

// What comes in as it lies, or its parts one behind another: `bytes` in all.
void* in_one_piece(const Source& source, size_t bytes) {
  static thread_local Scratch scratch;
  if (source.parts == 1) return const_cast<char*>(source.data);
  const size_t part = bytes / static_cast<size_t>(source.parts);
  char* piece = static_cast<char*>(scratch.bytes(bytes));
  for (int64_t k = 0; k < source.parts; ++k) {
    std::memcpy(piece + static_cast<size_t>(k) * part, source.data + k * source.step, part);
  }
  return piece;
}

template <class From, class To>
std::vector<To> numbers_of(const Weights& weights) {
  const From* numbers = static_cast<const From*>(weights.data);
  return std::vector<To>(numbers, numbers + number_of_elements(weights.shape));
}

}  // namespace

// Without these instructions sums of bytes saturate, or lose a bit of the weights.
bool multiplies_bytes() { return has(dnnl_cpu_isa_avx512_core_vnni) || has(dnnl_cpu_isa_avx2_vnni); }

memory PackedWeights::packed(const memory::desc& plain, const void* numbers, const memory::desc& layout) {
  memory source(plain, cpu(), const_cast<void*>(numbers));
  memory result(layout, cpu());
  dnnl::reorder(source, result).execute(in_order(), source, result);
  in_order().wait();
  return result;
}

Multiplication::Multiplication(const Description& description, ElementType incoming, const Weights& weights,
                               PackedWeights& store)
    : incoming_(incoming),
      bytes_(description.incoming(DataType::s8).get_size() * size_of(incoming)),
      result_(anywhere(description.result())) {
  const bool is_finite = weights.type == ElementType::kInt8 || are_finite(floats_of(weights));
  if (is_finite && incoming == ElementType::kInt8 && multiplies_bytes()) {
    add_bytes(description, weights, store);
  } else if (is_finite && incoming == ElementType::kFloat && multiplies_bfloat16()) {
    add_halves(description, weights, store);
  } else {
    add_floats(description, weights, store);
  }
}

// int8 by int8: exact sums of integers, then a scale an output channel, and the bias.
void Multiplication::add_bytes(const Description& description, const Weights& weights, PackedWeights& store) {
  read_as(description, DataType::s8, Reading::kAsTheyAre);
  if (weights.type == ElementType::kInt8) {
    const auto whole = [&] { return numbers_of<int8_t, int8_t>(weights); };
    add_term(description, store, 0, {weights.scale, weights.bias, nullptr}, "whole", whole);
    return;
  }
  for (const Digit& digit : digits_of(floats_of(weights))) {
    const bool is_first = terms_.empty();
    const std::string name = "digit " + std::to_string(terms_.size());
    const auto numbers = [&] { return digit.numbers; };
    add_term(description, store, 0, {digit.scale.data(), is_first ? weights.bias : nullptr, nullptr}, name, numbers);
  }
}

// The halves of real numbers as channels side by side, upper, lower and upper once more, by those of
// the weights, upper, upper and lower. Whole weights have no lower half.
void Multiplication::add_halves(const Description& description, const Weights& weights, PackedWeights& store) {
  const bool are_whole = weights.type == ElementType::kInt8;
  const int64_t parts = are_whole ? 2 : 3;
  const std::unique_ptr<Description> wide = description.with_channels(parts);
  if (wide == nullptr) return add_halves_apart(description, weights, store);
  read_as(*wide, DataType::bf16, Reading::kHalves);
  const size_t channels = static_cast<size_t>(description.channels());
  const size_t rows = description.incoming(DataType::s8).get_size() / channels;
  halves_ = {nullptr, rows, channels, static_cast<size_t>(parts), nullptr};
  const int64_t block = description.weights_in_a_block();
  if (are_whole) {
    const auto twice = [&] {
      const auto whole =
          bfloat16_of(static_cast<const int8_t*>(weights.data), number_of_elements(weights.shape));
      return in_turns({&whole, &whole}, block);
    };
    return add_term(*wide, store, 0, {nullptr, nullptr, &weights}, "twice", twice);
  }
  const auto all = [&] {
    const Halves halves = halves_of(floats_of(weights));
    return in_turns({&halves.upper, &halves.upper, &halves.lower}, block);
  };
  add_term(*wide, store, 0, {nullptr, weights.bias, nullptr}, "all", all);
}

// The same, product after product.
void Multiplication::add_halves_apart(const Description& description, const Weights& weights, PackedWeights& store) {
  read_as(description, DataType::bf16, Reading::kHalves);
  sources_.push_back(anywhere(description.incoming(DataType::bf16)));
  halves_ = {nullptr, 1, description.incoming(DataType::s8).get_size(), 2, nullptr};
  if (weights.type == ElementType::kInt8) {
    const auto whole = [&] {
      return bfloat16_of(static_cast<const int8_t*>(weights.data), number_of_elements(weights.shape));
    };
    add_term(description, store, 0, {}, "whole", whole);
    add_term(description, store, 1, {nullptr, nullptr, &weights}, "whole", whole);
    return;
  }
  const auto upper = [&] { return halves_of(floats_of(weights)).upper; };
  const auto lower = [&] { return halves_of(floats_of(weights)).lower; };
  add_term(description, store, 0, {nullptr, weights.bias, nullptr}, "upper", upper);
  add_term(description, store, 0, {}, "lower", lower);
  add_term(description, store, 1, {}, "upper", upper);
}

void Multiplication::add_floats(const Description& description, const Weights& weights, PackedWeights& store) {
  const bool are_floats = incoming_ == ElementType::kFloat;
  read_as(description, DataType::f32, are_floats ? Reading::kAsTheyAre : Reading::kConverted);
  if (weights.type == ElementType::kInt8) {
    const auto whole = [&] { return numbers_of<int8_t, float>(weights); };
    add_term(description, store, 0, {nullptr, nullptr, &weights}, "whole", whole);
    return;
  }
  const auto floats = [&] { return numbers_of<float, float>(weights); };
  add_term(description, store, 0, {nullptr, weights.bias, nullptr}, "floats", floats);
}

void Multiplication::read_as(const Description& description, DataType type, Reading reading) {
  reading_ = reading;
  sources_ = {anywhere(description.incoming(type))};
  if (reading != Reading::kConverted) return;
  given_ = anywhere(description.incoming(DataType::s8));
  conversion_ = dnnl::reorder(given_, sources_[0]);
}

template <class Make>
void Multiplication::add_term(const Description& description, PackedWeights& store, size_t source,
                              const Extras& extras, const std::string& name, Make make) {
  const memory& incoming = sources_[source];
  const DataType type = incoming.get_desc().get_data_type();
  const memory::desc for_outputs = description.for_outputs();
  std::vector<std::pair<int, memory>> others;
  primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  if (extras.byte_scale != nullptr) {
    attributes.set_scales_mask(DNNL_ARG_WEIGHTS, description.scale_mask());
    const int64_t outputs = static_cast<int64_t>(for_outputs.get_size() / sizeof(float));
    const memory::desc scales({outputs}, DataType::f32, memory::format_tag::a);
    others.emplace_back(DNNL_ARG_ATTR_SCALES | DNNL_ARG_WEIGHTS, copied(scales, extras.byte_scale));
  }
  if (extras.bias != nullptr) others.emplace_back(DNNL_ARG_BIAS, copied(description.bias(), extras.bias));
  dnnl::post_ops after;
  if (!terms_.empty()) after.append_sum(1.0f);
  if (extras.finish != nullptr) {
    const int position = after.len();
    after.append_binary(dnnl::algorithm::binary_mul, for_outputs);
    after.append_binary(dnnl::algorithm::binary_add, for_outputs);
    others.emplace_back(DNNL_ARG_ATTR_MULTIPLE_POST_OP(position) | DNNL_ARG_SRC_1,
                        copied(for_outputs, extras.finish->scale));
    others.emplace_back(DNNL_ARG_ATTR_MULTIPLE_POST_OP(position + 1) | DNNL_ARG_SRC_1,
                        copied(for_outputs, extras.finish->bias));
  }
  attributes.set_post_ops(after);

  const Description::Made made = description.make(type, type, extras.bias != nullptr, attributes);
  others.emplace_back(DNNL_ARG_SRC, incoming);
  others.emplace_back(DNNL_ARG_WEIGHTS, store.get(name, description.weights(type), made.packed_weights, make));
  others.emplace_back(DNNL_ARG_DST, result_);
  others.emplace_back(DNNL_ARG_SCRATCHPAD, anywhere(made.scratchpad));
  Term term{made.primitive, {}, {}};
  for (const auto& [argument, kept] : others) {
    term.memories.push_back(kept);
    term.arguments.push_back({argument, kept.get()});
  }
  terms_.push_back(term);
}

void Multiplication::read_sources(const Source& source) {
  static thread_local Scratch converted;
  if (reading_ == Reading::kHalves) return split(source);
  void* data = in_one_piece(source, bytes_);
  if (reading_ == Reading::kAsTheyAre) return sources_[0].set_data_handle(data);
  given_.set_data_handle(data);
  sources_[0].set_data_handle(converted.bytes(sources_[0].get_desc().get_size()));
  conversion_.execute(in_order(), given_, sources_[0]);
}

void Multiplication::split(const Source& source) {
  static thread_local Scratch scratch;
  const bool is_apart = sources_.size() > 1;
  const size_t bytes = sources_[0].get_desc().get_size();
  uint16_t* halves = static_cast<uint16_t*>(scratch.bytes(bytes * sources_.size()));
  HalvesRun run = halves_;
  run.halves = halves;
  if (is_apart) {
    run.numbers = static_cast<const float*>(in_one_piece(source, bytes_));
    chosen_instruction_set().split_floats(run);
    sources_[1].set_data_handle(halves + run.channels);
  } else {
    run.rows /= static_cast<size_t>(source.parts);
    for (int64_t part = 0; part < source.parts; ++part) {
      run.numbers = reinterpret_cast<const float*>(source.data + part * source.step);
      chosen_instruction_set().split_floats(run);
      run.halves += run.rows * run.parts * run.channels;
    }
  }
  sources_[0].set_data_handle(halves);
}

void Multiplication::run(const Source& source, float* result) {
  static thread_local Scratch scratchpad;
  read_sources(source);
  result_.set_data_handle(result);
  for (Term& term : terms_) {
    memory& own = term.memories.back();
    own.set_data_handle(scratchpad.bytes(own.get_desc().get_size()));
    const dnnl_status_t status = dnnl_primitive_execute(term.primitive.get(), in_order().get(),
                                                        static_cast<int>(term.arguments.size()), term.arguments.data());
    if (status != dnnl_success) throw std::runtime_error("oneDNN cannot multiply");
  }
  in_order().wait();
}

}  // namespace onnx2snn
