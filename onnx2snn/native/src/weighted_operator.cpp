#include "weighted_operator.h"

#include <atomic>
#include <mutex>

#include "multiplication.h"

#if defined(_OPENMP)
#include <omp.h>
#endif

namespace onnx2snn {

namespace {

std::atomic<int> most_threads{0};

enum class Kind { kConvolution, kMatrixProduct };

// A node keeps what it prepared for the last shapes it saw: a batch, and the rest of the samples.
constexpr size_t kKeptShapes = 4;

class WeightedKernel : public NodeKernel {
 public:
  WeightedKernel(Kind kind, ElementType weight_type, const Onnxruntime& ort, const OrtKernelInfo* node)
      : kind_(kind), weight_type_(weight_type) {
    if (kind == Kind::kMatrixProduct) return;
    geometry_ = {ort.attribute(node, "strides", std::vector<int64_t>{}),
                 ort.attribute(node, "dilations", std::vector<int64_t>{}),
                 ort.attribute(node, "pads", std::vector<int64_t>{}), ort.attribute(node, "group", 1)};
  }

  void compute(const Onnxruntime& ort, OrtKernelContext* context) override {
    const InputTensor spikes = ort.input(context, 0);
    // oneDNN's primitives keep scratch memory of their own: one run at a time.
    const std::lock_guard<std::mutex> lock(mutex_);
#if defined(_OPENMP)
    if (most_threads > 0) omp_set_num_threads(most_threads);
#endif
    Multiplication& multiplication = prepared(ort, context, spikes.shape);
    void* result = ort.output(context, 0, multiplication.output_shape());
    if (number_of_elements(multiplication.output_shape()) == 0) return;
    multiplication.run(static_cast<const int8_t*>(spikes.data), static_cast<float*>(result));
  }

 private:
  struct Prepared {
    Shape shape;
    std::unique_ptr<Multiplication> multiplication;
  };

  Multiplication& prepared(const Onnxruntime& ort, OrtKernelContext* context, const Shape& shape) {
    for (const Prepared& known : prepared_) {
      if (known.shape == shape) return *known.multiplication;
    }
    if (prepared_.size() == kKeptShapes) prepared_.erase(prepared_.begin());
    prepared_.push_back({shape, make(shape, read_weights(ort, context))});
    return *prepared_.back().multiplication;
  }

  Weights read_weights(const Onnxruntime& ort, OrtKernelContext* context) const {
    const InputTensor weights = ort.input(context, 1);
    const InputTensor scale = ort.input(context, 2);
    const InputTensor bias = ort.input(context, 3);
    if (weights.shape.empty()) throw InvalidInput("the weights are a single number");
    const size_t axis = kind_ == Kind::kConvolution ? 0 : weights.shape.size() - 1;
    const Shape outputs{weights.shape[axis]};
    if (scale.shape != outputs || bias.shape != outputs) {
      throw InvalidInput("scale " + to_text(scale.shape) + " and bias " + to_text(bias.shape) +
                         " are not one an output channel, " + to_text(outputs));
    }
    return {weight_type_, weights.data, weights.shape, static_cast<const float*>(scale.data),
            static_cast<const float*>(bias.data)};
  }

  std::unique_ptr<Multiplication> make(const Shape& shape, const Weights& weights) const {
    if (kind_ == Kind::kConvolution) return make_convolution(shape, weights, geometry_);
    return make_matrix_product(shape, weights);
  }

  const Kind kind_;
  const ElementType weight_type_;
  Geometry geometry_{};
  std::mutex mutex_;
  std::vector<Prepared> prepared_;
};

class WeightedOperator : public CustomOperator {
 public:
  WeightedOperator(Kind kind, ElementType weights)
      : CustomOperator(kind == Kind::kConvolution ? "SpikeConv" : "SpikeMatMul",
                       {ElementType::kInt8, weights, ElementType::kFloat, ElementType::kFloat}, {ElementType::kFloat}),
        kind_(kind),
        weights_(weights) {}

  std::unique_ptr<NodeKernel> make_kernel(const Onnxruntime& ort, const OrtKernelInfo* node) const override {
    return std::make_unique<WeightedKernel>(kind_, weights_, ort, node);
  }

 private:
  const Kind kind_;
  const ElementType weights_;
};

}  // namespace

void add_weighted_operators(Operators& operators) {
  for (const Kind kind : {Kind::kConvolution, Kind::kMatrixProduct}) {
    for (const ElementType weights : {ElementType::kInt8, ElementType::kFloat}) {
      operators.push_back(std::make_unique<WeightedOperator>(kind, weights));
    }
  }
}

std::string multiplying_library() {
  const dnnl_version_t* version = dnnl_version();
  return "oneDNN " + std::to_string(version->major) + "." + std::to_string(version->minor) + "." +
         std::to_string(version->patch);
}

void set_multiplying_threads(int threads) { most_threads = threads; }

}  // namespace onnx2snn
