// One convolution or matrix product, ready to run on what comes in in one shape.

#pragma once

#include <string>
#include <utility>
#include <vector>

#include "descriptions.h"
#include "onnxruntime.h"
#include "product.h"
#include "step_run.h"

namespace onnx2snn {

// Weights in the layouts in which they are multiplied, kept for all shapes that a node meets.
class PackedWeights {
 public:
  // The numbers that `make` gives, in a layout of oneDNN; `name` says which ones they are.
  template <class Make>
  dnnl::memory get(const std::string& name, const dnnl::memory::desc& plain, const dnnl::memory::desc& layout,
                   Make make) {
    for (const auto& [known, weights] : kept_) {
      if (known == name && weights.get_desc() == layout) return weights;
    }
    const auto numbers = make();
    kept_.emplace_back(name, packed(plain, numbers.data(), layout));
    return kept_.back().second;
  }

 private:
  static dnnl::memory packed(const dnnl::memory::desc& plain, const void* numbers, const dnnl::memory::desc& layout);

  std::vector<std::pair<std::string, dnnl::memory>> kept_;
};

// Whether this machine multiplies bytes without sums that saturate; else it multiplies float32.
bool multiplies_bytes();

// What comes in, times weights, plus a bias, as floats: a sum of products of narrower numbers.
//
// Spikes are int8, and multiply int8: weights of float are three digits of 8 bits. Real numbers are
// two halves of bfloat16, and multiply those, both halves as channels side by side: one product then
// adds all up. A machine without fast instructions for either multiplies float32.
class Multiplication : public Product {
 public:
  Multiplication(const Description& description, ElementType incoming, const Weights& weights, PackedWeights& store);

  void run(const Source& source, float* result) override;

 private:
  enum class Reading { kAsTheyAre, kConverted, kHalves };

  struct Term {
    dnnl::primitive primitive;
    std::vector<dnnl::memory> memories;  // that the arguments refer to
    std::vector<dnnl_exec_arg_t> arguments;
  };

  // What a term needs beside weights; null for what it does not.
  struct Extras {
    const float* byte_scale;  // of weights of int8, one an output channel
    const float* bias;
    const Weights* finish;  // whose scale and bias come last, when all terms are added
  };

  void add_bytes(const Description& description, const Weights& weights, PackedWeights& store);
  void add_halves(const Description& description, const Weights& weights, PackedWeights& store);
  void add_halves_apart(const Description& description, const Weights& weights, PackedWeights& store);
  void add_floats(const Description& description, const Weights& weights, PackedWeights& store);
  void read_as(const Description& description, dnnl::memory::data_type type, Reading reading);

  template <class Make>
  void add_term(const Description& description, PackedWeights& store, size_t source, const Extras& extras,
                const std::string& name, Make make);
  void read_sources(const Source& source);
  void split(const Source& source);

  const ElementType incoming_;
  const size_t bytes_;  // that come in
  Reading reading_ = Reading::kAsTheyAre;
  HalvesRun halves_{};  // of all that comes in, without its memory
  dnnl::memory given_, result_;
  std::vector<dnnl::memory> sources_;
  dnnl::reorder conversion_;
  std::vector<Term> terms_;
};

}  // namespace onnx2snn
