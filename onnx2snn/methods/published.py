"""The published methods of conversion, each put together from the same parts."""

from __future__ import annotations

from onnx2snn.methods.method import Method

__all__ = ["METHODS", "Method"]

METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method(
            "auto",
            "what measures best at small T with at most one signed spike a step",
            "this project",
            corrections=("weights", "threshold-scaling"),
        ),
        Method(
            "opi",
            "potentials start at half a threshold, which turns floor into round",
            "Bu et al., AAAI 2022",
            neuron="if",
            threshold="max",
            per_channel=False,
            left_out="the training of thresholds together with the ANN",
        ),
        Method(
            "termapping",
            "balanced thresholds, and negative spikes that take back early ones",
            "Yu et al., TNNLS 2022",
            threshold="percentile",
            per_channel=False,
            reconstructed="the neuron, from the abstract",
        ),
        Method(
            "augmapping",
            "spikes carry a count, up to a largest one",
            "Yu et al., TNNLS 2022",
            neuron="augmented",
            corrections=("threshold-scaling", "bias"),
            reconstructed="the neuron and its thresholds, from the abstract: here they are of "
            "least squared error, and are scaled, and biases are corrected, on real spikes",
        ),
        Method(
            "spikeconverter",
            "layers fire one after another, with weighted spikes (phase coding)",
            "Liu et al., AAAI 2022",
            neuron="inverse-leaky",
            schedule="layerwise",
            reconstructed="the schedule and the neuron, from the abstract",
        ),
        Method(
            "staggered",
            "weighted spikes, each layer a step behind the one before",
            "this project",
            neuron="weighted",
            leak=2.5,
            schedule="staggered",
            corrections=("weights", "threshold-scaling"),
        ),
        Method(
            "max-norm",
            "thresholds are the largest activations",
            "Diehl et al., IJCNN 2015",
            neuron="if",
            threshold="max",
            per_channel=False,
            v_init=0.0,
        ),
        Method(
            "percentile",
            "thresholds are the 99.9 percentile of the activations above zero",
            "Rueckauer et al., Frontiers in Neuroscience 2017",
            neuron="if",
            threshold="percentile",
            per_channel=False,
            v_init=0.0,
        ),
        Method(
            "channel-norm",
            "each channel has its own percentile",
            "Kim et al., AAAI 2020",
            neuron="if",
            threshold="percentile",
            v_init=0.0,
        ),
        Method(
            "spike-norm",
            "thresholds are the largest current that the spikes before make; hard reset",
            "Sengupta et al., Frontiers in Neuroscience 2019",
            neuron="hard-reset",
            threshold="max",
            per_channel=False,
            v_init=0.0,
            corrections=("threshold-balancing",),
        ),
        Method(
            "rmp",
            "as spike-norm, with reset by subtraction: no charge is lost",
            "Han et al., CVPR 2020",
            neuron="if",
            threshold="max",
            corrections=("threshold-balancing",),
            per_channel=False,
            v_init=0.0,
        ),
        Method(
            "mse",
            "thresholds of least squared error of the T-level quantizer",
            "Li et al., ICML 2021",
            neuron="if",
        ),
        Method(
            "ltb",
            "thresholds that follow what lies above them",
            "Bu et al., 2025",
            neuron="if",
            threshold="balanced",
            left_out="clipping of the layers before while thresholds grow; the later readout",
        ),
        Method(
            "snn-calibration",
            "light pipeline: biases corrected on real spikes",
            "Li et al., ICML 2021",
            neuron="if",
            corrections=("bias",),
        ),
        Method(
            "snn-calibration-advanced",
            "weights and initial potentials corrected on real spikes",
            "Li et al., ICML 2021",
            neuron="if",
            corrections=("weights", "potential"),
            left_out="gradient descent on the weights: least squares in closed form is used",
        ),
        Method(
            "ftbc",
            "a bias for each time step",
            "Wu et al., ECCV 2024",
            neuron="if",
            corrections=("step-bias",),
        ),
        Method(
            "burst",
            "up to five spikes a step empty the potential",
            "Li and Zeng, IJCAI 2022",
            neuron="augmented",
            threshold="percentile",
            per_channel=False,
            v_init=0.0,
            max_spikes=5,
            left_out="pooling by lateral inhibition: max pooling is exact here",
        ),
        Method(
            "h-mt",
            "several thresholds, each half of the one before, and a step sends the sum of some",
            "H-MT neurons, 2025",
            neuron="augmented",
            max_spikes=15,
            reconstructed="the neuron: the abstract (Generalized Threshold Optimization with "
            "Harmony Multi-Threshold Neurons for Accurate ANN-to-SNN Conversion) says that several "
            "spikes bring the potential down. Here there are four thresholds, and the largest "
            "comes first; what a step sends is then a count of the smallest, up to 8 + 4 + 2 + 1, "
            "and is counted as so many spikes, where there are at most four. n thresholds are "
            "--max-spikes 2^n - 1. What is taken back is rounded up to whole counts",
            left_out="its optimization of thresholds, which are of least squared error here; what "
            "neurons tell each other",
        ),
        Method(
            "fast-snn",
            "signed neurons, one threshold a layer",
            "Hu et al., TPAMI 2023",
            per_channel=False,
            left_out="the training of the quantized ANN, and layer-wise fine-tuning",
        ),
    )
}
"""Name to method, in the order in which they are shown."""
