from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import onnx2snn
from onnx2snn.calibration.threshold_rules import RULES
from onnx2snn.conversion.options import Options
from onnx2snn.conversion.schedule_choice import choose_schedule
from onnx2snn.errors import OptionError
from onnx2snn.methods.corrections import CORRECTIONS
from onnx2snn.methods.method import Method
from onnx2snn.methods.neurons import NEURONS
from onnx2snn.methods.published import METHODS
from onnx2snn.methods.schedules import SCHEDULES
from tests.models import model, normal

X = normal(1, 32, 3)
STAGGERED_OWN = Method(neuron="weighted", schedule="staggered", leak=1.5)
OWN = Method(neuron="if", threshold="max", v_init=0.25, corrections=("potential",))


def chosen(**options: Any) -> Method:
    return Options(**options).chosen_method()


def method_of(**options: Any) -> str:
    """Return what the report says of a conversion."""
    ann = model("(float[N,3] x) => (y) { h = MatMul (x, w)  a = Relu (h)  y = MatMul (a, u) }",
                w=normal(2, 3, 5), u=normal(3, 5, 2))  # fmt: skip
    return str(onnx2snn.convert(ann, 4, X, **options).report["method"])


def test_a_name_is_the_method_of_that_name() -> None:
    assert chosen() is METHODS["auto"]
    assert chosen(method="ftbc") is METHODS["ftbc"]


def test_a_method_of_one_s_own() -> None:
    assert chosen(method=OWN) is OWN
    said = method_of(method=OWN)
    assert said.startswith(
        "custom: IntegrateAndFire or DoubleThresholdIF, max per channel, v_init"
    )
    assert said.endswith("v_init 0.25, potential correction")
    assert method_of(method=Method("mine", neuron="augmented")).startswith(
        "mine: AugmentedIF of at most 4 spikes, mse"
    )


@pytest.mark.parametrize("given", ["bias", ["bias"]])
def test_one_correction_needs_no_tuple(given: Any) -> None:
    assert Method(corrections=given) == Method(corrections=("bias",))


@pytest.mark.parametrize(
    "name, part, value",
    [
        ("ltb", "neuron", "augmented"),
        ("burst", "max_spikes", 7),
        ("spikeconverter", "leak", 1.5),
        ("ltb", "threshold", "max"),
        ("ltb", "per_channel", False),
        ("ltb", "v_init", 0.25),
        ("ltb", "corrections", ("bias",)),
        ("ltb", "schedule", "layerwise"),
    ],
)
def test_a_part_that_is_given_overrides_that_of_the_method(
    name: str, part: str, value: object
) -> None:
    before, after = chosen(method=name), chosen(method=name, **{part: value})
    assert getattr(before, part) != getattr(after, part) == value
    assert {p: v for p, v in vars(after).items() if p != part} == {
        p: v for p, v in vars(before).items() if p != part
    }


@pytest.mark.parametrize(
    "options, leak",
    [
        ({"schedule": "staggered"}, 2.5),
        ({"method": "staggered"}, 2.5),
        # where not all layers wait, later spikes have more to take back
        ({"method": "staggered", "delays": "joins"}, 2.0),
        ({"schedule": "staggered", "delays": "none"}, 2.0),
        ({"schedule": "staggered", "latency": 7}, 2.0),
        ({"schedule": "staggered", "delays": "joins", "leak": 3.0}, 3.0),
        ({"method": STAGGERED_OWN, "delays": "joins"}, 1.5),
        ({"method": "spikeconverter"}, 2.0),
    ],
)
def test_what_a_spike_is_worth(options: dict[str, Any], leak: float) -> None:
    assert chosen(**options).leak == leak


@pytest.mark.parametrize(
    "options, leak",
    [
        ({"schedule": "staggered"}, 2.25),
        ({"method": "staggered"}, 2.25),
        ({"method": METHODS["staggered"]}, 2.25),
        ({"method": "staggered", "leak": 2.5}, 2.5),
        ({"method": "staggered", "delays": "joins"}, 2.0),
        ({"schedule": "staggered", "latency": 9}, 2.0),
        ({"method": Method(neuron="weighted", schedule="staggered", leak=2.5)}, 2.5),
        ({}, 2.0),
    ],
)
def test_what_a_spike_of_many_is_worth(options: dict[str, Any], leak: float) -> None:
    few, many = (
        choose_schedule(Options(**options), time_steps).options for time_steps in (4, 5)
    )
    assert few.chosen_method() == Options(**options).chosen_method()
    assert many.chosen_method().leak == leak


@pytest.mark.parametrize(
    "option, needed",
    [
        ({"max_spikes": 4}, "neuron augmented"),
        ({"leak": 1.5}, "neuron inverse-leaky or weighted"),
        ({"delays": "joins"}, "schedule staggered"),
        ({"collapse": False}, "schedule layerwise"),
    ],
)
def test_an_option_that_nothing_reads_is_refused(
    option: dict[str, Any], needed: str
) -> None:
    with pytest.raises(
        OptionError, match=f"{next(iter(option))} is of use with the {needed} only"
    ):
        chosen(**option)


@pytest.mark.parametrize(
    "others, message",
    [
        (
            {"method": "spikeconverter"},
            "weights int8 is of use with .* lockstep or staggered only",
        ),
        ({"keep_weights": True}, "keep_weights leaves weights .* leave out one"),
    ],
)
def test_weights_of_int8_are_refused_where_they_cannot_be(
    others: dict[str, Any], message: str
) -> None:
    assert Options(**others).weights == "float"
    with pytest.raises(OptionError, match=message):
        Options(weights="int8", **others)


def test_corrections_that_lack_data_are_told_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ann = model(
        "(float[N,3] x) => (y) { h = MatMul (x, w)  y = Relu (h) }", w=normal(1, 3, 2)
    )
    onnx2snn.convert(ann, 4)
    onnx2snn.convert(ann, 4, method=METHODS["auto"])
    assert "nothing is corrected" not in caplog.text
    onnx2snn.convert(ann, 4, corrections="bias")
    assert "without calibration data nothing is corrected: bias left out" in caplog.text


def test_parts_override_a_method_of_one_s_own() -> None:
    assert chosen(method=OWN, threshold="mse").threshold == "mse"
    assert chosen(method=OWN, threshold="mse").corrections == ("potential",)


@pytest.mark.parametrize("given", ["none", ("none",), ["none"]])
def test_no_corrections(given: object) -> None:
    assert chosen(corrections=given).corrections == ()
    assert "correction" not in method_of(corrections=given)


@pytest.mark.parametrize(
    "given",
    [
        "threshold-scaling,bias",
        "threshold-scaling, bias",
        ["threshold-scaling", "bias"],
    ],
)
def test_corrections_may_be_one_text(given: object) -> None:
    assert chosen(corrections=given).corrections == ("threshold-scaling", "bias")


def test_no_name_is_no_correction_and_none_leaves_those_of_the_method() -> None:
    assert chosen(corrections=()).corrections == ()
    assert chosen(corrections=None).corrections == METHODS["auto"].corrections


def test_where_weights_are_kept_other_corrections_stand_in() -> None:
    assert chosen(keep_weights=True).corrections == ("threshold-scaling", "bias")
    assert chosen(
        keep_weights=True, corrections=("weights", "potential")
    ).corrections == ("potential",)
    assert chosen(keep_weights=True, corrections=("weights",)).corrections == ("bias",)
    assert chosen(
        keep_weights=True, corrections=("threshold-scaling",)
    ).corrections == ("threshold-scaling",)
    assert chosen(keep_weights=True, method=OWN) == OWN


@pytest.mark.parametrize(
    "options, message",
    [
        ({"method": "magic"}, r"method must be one of auto, opi, .*, not 'magic'"),
        ({"corrections": ("bias", "luck")}, r"one of weights, .*step-bias, not 'luck'"),
        ({"corrections": ("none", "bias")}, "none stands alone"),
        ({"threshold": "median"}, r"threshold must be one of max, .*, not 'median'"),
        ({"neuron": "lif"}, r"neuron must be one of gated, .*, not 'lif'"),
        (
            {"method": "ftbc", "schedule": "layerwise"},
            "'step-bias' needs the schedule lockstep",
        ),
        (
            {"method": "spike-norm", "schedule": "layerwise"},
            "'hard-reset' needs the schedule lock",
        ),
        (
            {"method": "spikeconverter", "schedule": "lockstep"},
            "'inverse-leaky' needs .* layerwise",
        ),
        (
            {"method": "spikeconverter", "corrections": "potential"},
            "'potential' does not fit",
        ),
        ({"method": "spikeconverter", "corrections": "step-bias"}, "'step-bias' needs"),
        (
            {"method": "rmp", "threshold": "mse"},
            "threshold is of no use .* threshold-balancing",
        ),
        (
            {"method": "rmp", "per_channel": True},
            "per_channel is of no use .* threshold-balancing",
        ),
        (
            {"method": "burst", "max_spikes": 0},
            "max_spikes must be 1 to 127 a step, not 0",
        ),
    ],
)
def test_parts_that_do_not_exist_or_do_not_fit(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(onnx2snn.OptionError, match=message):
        Options(**options)


def test_a_method_of_one_s_own_is_checked_when_it_is_made() -> None:
    with pytest.raises(
        onnx2snn.OptionError, match=r"schedule must be one of .*, not 'wave'"
    ):
        Method(schedule="wave")
    with pytest.raises(
        onnx2snn.OptionError, match=r"v_init must be 0 to 1 of the threshold, not -0\.5"
    ):
        Method(v_init=-0.5)


FITTING = [
    (neuron, schedule, correction)
    for neuron in NEURONS
    for schedule in SCHEDULES
    for correction in CORRECTIONS
    if (neuron, schedule)
    not in {("inverse-leaky", "lockstep"), ("hard-reset", "layerwise")}
    and (neuron == "weighted") == (schedule == "staggered")
    and (correction != "step-bias" or schedule == "lockstep")
    and (neuron, correction)
    not in {("inverse-leaky", "potential"), ("weighted", "potential")}
]


@pytest.mark.parametrize("neuron, schedule, correction", FITTING)
def test_all_that_is_not_refused_converts(
    neuron: str, schedule: str, correction: str
) -> None:
    own = Method(neuron=neuron, schedule=schedule, corrections=(correction,))
    assert method_of(method=own).endswith(f"{correction} correction")


@pytest.mark.parametrize("method", [None, 5, "best"])
def test_a_method_that_is_none_is_refused(method: object) -> None:
    with pytest.raises(OptionError, match=r"method must be one of auto, .*not "):
        Options(method=method).chosen_method()


@pytest.mark.parametrize("threshold", RULES)
def test_every_rule_for_thresholds(threshold: str) -> None:
    assert f", {threshold} per tensor" in method_of(
        threshold=threshold, per_channel=False
    )


def test_what_a_spike_may_carry_is_described() -> None:
    described = METHODS["burst"].describe(()), METHODS["spikeconverter"].describe(())
    assert "AugmentedIF of at most 5 spikes," in described[0]
    assert "SignedInverseLeakyIF of leak 2," in described[1]


def test_levels_of_a_method() -> None:
    found = {
        name: METHODS[name].levels(8)
        for name in ("auto", "augmapping", "spikeconverter")
    }
    assert found == {"auto": 8, "augmapping": 32, "spikeconverter": 255}
    assert np.all([METHODS[name].name == name for name in METHODS])


@pytest.mark.parametrize(
    "options, message",
    [
        ({"v_init": "half"}, "v_init must be a number, not 'half'"),
        ({"v_init": True}, "v_init must be a number, not True"),
        (
            {"leak": None, "max_spikes": 2.5},
            "max_spikes must be a whole number, not 2.5",
        ),
        ({"per_channel": "no"}, "per_channel must be True or False, not 'no'"),
        ({"keep_weights": "yes"}, "keep_weights must be True or False, not 'yes'"),
        ({"check": 0}, "check must be True or False, not 0"),
        ({"neuron": ["if"]}, r"neuron must be one of .*, not \['if'\]"),
        ({"method": ["auto"]}, r"method must be one of .*, not \['auto'\]"),
        ({"corrections": 5}, "corrections must be a name or several, not 5"),
        ({"corrections": [5]}, r"corrections must be a name or several, not \[5\]"),
        ({"until": 5}, "until must be a name or several, not 5"),
        ({"nodes_to_exclude": [None]}, "nodes_to_exclude must be a name or several"),
        ({"skip_passes": 5}, "skip_passes must be a name or several, not 5"),
        ({"input_coding": 5}, "input_coding must be one of .*, not 5"),
        ({"spike": ["all"]}, r"spike must be one of .*, not \['all'\]"),
        ({"input_shapes": 5}, "input_shapes must be a name or several, not 5"),
        ({"layout": 5}, "layout must be one of .*, not 5"),
        ({"weights": 8}, "weights must be one of float, int8, not 8"),
        ({"seed": "1"}, "seed must be a whole number, not '1'"),
        ({"seed": 1.0}, r"seed must be a whole number, not 1\.0"),
    ],
)
def test_values_of_another_type(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        Options(**options)


def test_scalars_of_numpy_are_numbers() -> None:
    options = Options(seed=np.int32(3), v_init=np.float64(0.25), check=np.False_)
    assert (options.seed, options.v_init, options.check) == (3, 0.25, False)
    assert options.describe(None) == Options(seed=3, v_init=0.25).describe(None)


@pytest.mark.parametrize(
    "options, near",
    [
        ({"neuron": "gate"}, "'gated'"),
        ({"method": "rmpp"}, "'rmp'"),
        ({"threshold": "percentil"}, "'percentile'"),
        ({"corrections": "weight"}, "'weights'"),
        ({"schedule": "Layerwise"}, "'layerwise'"),
        ({"spike": "activation"}, "'activations'"),
        ({"input_coding": "event"}, "'events'"),
        ({"input_coding": "image=rates"}, "'rate'"),
        ({"skip_passes": "fold-batchnorm"}, "'fold-batch-norm'"),
    ],
)
def test_a_wrong_choice_is_told_with_the_nearest(
    options: dict[str, Any], near: str
) -> None:
    with pytest.raises(OptionError, match=f"; did you mean {near}"):
        Options(**options)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"v_init": "half"}, "v_init must be a number, not 'half'"),
        ({"nuron": "if"}, r"Method\(\) has no argument 'nuron'; did you mean 'neuron'"),
    ],
)
def test_arguments_of_a_method(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        Method(**options)


@pytest.mark.parametrize(
    "options, words",
    [
        ({"target": "loihi"}, "loihi"),
        ({"target": "nir", "method": "mse"}, "leave out one of them"),
        ({"target": "nir", "layout": "multistep"}, "layout loop only"),
        ({"target": "nir", "early_exit": True}, "do not exit early"),
        ({"target": "nir", "input_coding": "rate"}, "leave out input_coding"),
    ],
)
def test_what_cannot_be_exported_is_refused_beside_a_target(
    options: dict[str, Any], words: str
) -> None:
    with pytest.raises(OptionError, match=words):
        Options(**options)


def test_a_target_chooses_the_method() -> None:
    method = Options(target="nir-hard-reset", v_init=0.5).chosen_method()
    assert method.neuron == "hard-reset"
    assert not method.per_channel
    assert method.v_init == 0.5
