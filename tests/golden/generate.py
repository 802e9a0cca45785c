#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Golden values for tests/NativeXent.Tests/GoldenTests.cs, from PyTorch in float64.

    apt-get install python3-torch python3-mpmath     # made with Debian 12's PyTorch 1.13.1 and mpmath 1.2.1
    /usr/bin/python3 tests/golden/generate.py

It takes no arguments, and overwrites the four files beside it.
The inputs come from a generator with a fixed seed, and PyTorch is held to one thread. Another PyTorch or another CPU
may give other last bits, which the tests' tolerances allow for.

The expected values are PyTorch's own:
- losses are those of torch.nn.functional.cross_entropy and binary_cross_entropy_with_logits, with their own arguments
  weight, ignore_index, label_smoothing, pos_weight and reduction, and with their own targets of either kind;
- softmax, log_softmax and logsumexp are the functions of these names;
- gradients are autograd's, never from a formula.
PyTorch has no argument for some options. They are composed of its functions, and differentiated by autograd too:
- scale, softcap    cross_entropy(softcap * tanh(scale * z / softcap))
- z-loss            z_loss_scale * logsumexp(u) ** 2, without the rows to ignore; a mean has cross_entropy's divisor
- smoothing of binary targets    y * (1 - a) + a / 2
- upstream gradients under a mean    backward(upstream / divisor) of the unreduced losses
softmax_backward.json.gz is what autograd itself calls, with outputs that every element type holds exactly.

Where PyTorch's value is not what nativexent.h says, PyTorch's is kept, and the case says why under "differs".
contract() below computes what the header says with mpmath, at 350 digits, so that 10^-300 is not lost beside 1000.
Every case is compared with it: the cases that differ must be exactly those marked, and every other number of PyTorch
must be as near as ROUNDING says, which is what the tests allow for PyTorch's own rounding. Some cases keep mpmath's numbers too, under "exact": those where
PyTorch loses most digits to cancellation (losses and gradients near 0, saturated caps), and others for good measure.

Inputs are multiples of powers of two with few bits, so that float16 and bfloat16 hold them exactly too: "types" says
which element types do. Large inputs are given as {"seed", "count", "bound", "offset", "exponent"}: element i is
(x[i] mod bound + offset) * 2^exponent, x being the numbers of SplitMix64. NaN and infinities are strings.
"""

import gzip
import json
import math
from pathlib import Path

import mpmath
import torch
import torch.nn.functional as F

INF, NAN = math.inf, math.nan
MASK = (1 << 64) - 1

# The error that PyTorch's float64 may have, relative to the terms that a result is made of: 16 times its last bit.
ROUNDING = 2.0**-48

torch.set_num_threads(1)
mpmath.mp.dps = 350


# ---------------------------------------------------------------------------------------------------------- Inputs

class SplitMix64:
    """Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014."""

    def __init__(self, seed):
        self.state = seed

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & MASK
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB & MASK
        return z ^ (z >> 31)

    def below(self, bound):
        return self.next() % bound

    def element(self, elements):
        return elements[self.below(len(elements))]

    def multiples(self, count, low, high, exponent):
        """Multiples of 2^exponent, the factors in [low, high]."""
        return [(low + self.below(high - low + 1)) * 2.0**exponent for _ in range(count)]

    def logits(self, count, bound=64, exponent=-4):
        """By default in +-4 in steps of 1/16."""
        return self.multiples(count, -bound, bound, exponent)

    def distributions(self, shape):
        """Each over the second axis, summing to exactly one, in steps of 1/128. Some probabilities are 0."""
        samples, classes, inner = shape
        q = torch.zeros(shape, dtype=torch.float64)
        for n in range(samples):
            for s in range(inner):
                for _ in range(16):
                    q[n, self.below(classes), s] += 1 / 16
        return q.flatten().tolist()


def formula(seed, count, bound, offset, exponent):
    """Large inputs: the formula that goes into the file, and the numbers."""
    random = SplitMix64(seed)
    values = [(random.next() % bound + offset) * 2.0**exponent for _ in range(count)]
    description = {"seed": seed, "count": count, "bound": bound, "offset": offset, "exponent": exponent}
    return description, values


class Large(list):
    """Numbers that are written as their formula."""

    def __init__(self, *arguments):
        self.description, values = formula(*arguments)
        super().__init__(values)


TYPES = {"float64": torch.float64, "float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


def types_that_hold(*arrays):
    """The element types in which all numbers are exact."""
    numbers = torch.tensor([x for array in arrays if array is not None for x in array if not math.isnan(x)],
                           dtype=torch.float64)
    return [name for name, dtype in TYPES.items() if torch.equal(numbers.to(dtype).to(torch.float64), numbers)]


def tensor(values, *shape):
    return torch.tensor(list(values), dtype=torch.float64).reshape(shape)


def flat(values):
    return values.detach().flatten().tolist()


# ------------------------------------------------------------------------------------------------------- mpmath

def mp_list(values):
    return [mpmath.mpf(x) for x in values]


def near(actual, expected, terms):
    """Whether PyTorch's number is the contract's, for all that its float64 can tell; terms is their magnitude."""
    if math.isnan(expected) or math.isinf(expected):
        return actual == expected or (math.isnan(actual) and math.isnan(expected))
    if math.isnan(actual) or math.isinf(actual):
        return False
    return abs(actual - float(expected)) <= ROUNDING * float(terms) + 2.0**-1021


def all_near(actual, expected, terms):
    return all(near(a, e, t) for a, e, t in zip(actual, expected, terms, strict=True))


def mp_capped(z, scale, softcap):
    """u, and du/dz."""
    if softcap is None:
        return (scale * mpmath.mpf(z) if math.isfinite(z) else mpmath.mpf(z)), mpmath.mpf(scale)
    if math.isinf(z):
        return mpmath.mpf(math.copysign(softcap, z)), mpmath.mpf(0)
    x = scale * mpmath.mpf(z) / softcap
    return softcap * mpmath.tanh(x), scale * mpmath.sech(x) ** 2


def mp_log_sum_exp(u):
    """Not finite for a row whose loss and gradient are NaN."""
    if any(mpmath.isnan(x) for x in u):
        return mpmath.mpf(NAN)
    greatest = max(u)
    if not mpmath.isfinite(greatest):
        return greatest
    return greatest + mpmath.log(sum(mpmath.exp(x - greatest) for x in u if x != -INF))


def contract(case, shape):
    """What nativexent.h says, and the magnitude of the terms of each number."""
    samples, classes, inner = shape
    rows = samples * inner
    z, labels, given = case["logits"], case.get("labels"), case.get("distributions")
    smoothing, z_scale = mpmath.mpf(case["label_smoothing"]), mpmath.mpf(case["z_loss_scale"])
    w = mp_list(case.get("class_weights") or [1] * classes)
    upstream = case.get("upstream") or [1] * rows
    place = lambda row, c: ((row // inner) * classes + c) * inner + row % inner
    counted = [labels is None or labels[row] != case.get("ignore_index") for row in range(rows)]
    weight = sum(w[labels[row]] if labels else mpmath.mpf(1) for row in range(rows) if counted[row])
    factor = mpmath.mpf(case["upstream_scale"])
    if case["reduction"] == "mean":
        factor = factor / weight if weight else mpmath.mpf(0)

    values = {"losses": [], "z_losses": [], "log_sum_exp": [], "gradient": [NAN] * len(z)}
    terms = {"losses": [], "z_losses": [], "log_sum_exp": [], "gradient": [0] * len(z)}
    for row in range(rows):
        at = [place(row, c) for c in range(classes)]
        u, slope = zip(*(mp_capped(z[i], case["scale"], case.get("softcap")) for i in at))
        lse = mp_log_sum_exp(u)
        size = 1 + max((abs(x) for x in u if mpmath.isfinite(x)), default=0) + mpmath.log(classes)
        values["log_sum_exp"].append(lse)
        terms["log_sum_exp"].append(size)
        loss = z_loss = loss_terms = mpmath.mpf(0)
        initial = [mpmath.mpf(x) for x in (case["initial"][i] for i in at)] if "initial" in case else [0] * classes
        if not counted[row]:
            for c, i in enumerate(at):
                values["gradient"][i] = initial[c]
        elif not mpmath.isfinite(lse):
            loss, z_loss = NAN, z_scale * lse**2
            if factor * mpmath.mpf(upstream[row]) == 0:
                for c, i in enumerate(at):
                    values["gradient"][i] = initial[c]
        else:
            q = [mpmath.mpf(given[i]) if given else mpmath.mpf(c == labels[row]) for c, i in enumerate(at)]
            b = [w[c] * ((1 - smoothing) * q[c] + smoothing / classes) for c in range(classes)]
            for c in range(classes):
                if b[c] != 0:
                    loss += b[c] * (lse - u[c]) if u[c] != -INF else INF
                    loss_terms += abs(b[c]) * ((1 + abs(lse) + abs(u[c])) if u[c] != -INF else 1)
            z_loss = z_scale * lse**2
            p = [mpmath.exp(x - lse) if x != -INF else mpmath.mpf(0) for x in u]
            pull, pull_terms = sum(b) + 2 * z_scale * lse, sum(map(abs, b)) + 2 * abs(z_scale) * size
            f = factor * mpmath.mpf(upstream[row])
            for c, i in enumerate(at):
                if mpmath.isfinite(f):
                    values["gradient"][i] = initial[c] + (p[c] * pull - b[c]) * f * slope[c]
                # What PyTorch computes p from is rounded, too, and its 1 - tanh^2 cancels.
                terms["gradient"][i] = (abs(initial[c])
                                        + (p[c] * (1 + size) * pull_terms + abs(b[c])) * abs(f) * case["scale"])
        values["losses"].append(loss)
        values["z_losses"].append(z_loss)
        terms["losses"].append(loss_terms)
        terms["z_losses"].append(2 * abs(z_scale) * size**2)

    for name, of in (("loss", "losses"), ("z_loss", "z_losses")):
        total = sum(values[of], mpmath.mpf(0))
        size = sum(terms[of], mpmath.mpf(0))
        if case["reduction"] == "mean":
            total, size = (total / weight, size / weight) if weight else (mpmath.mpf(0), mpmath.mpf(0))
        if case["reduction"] != "none":
            values[name], terms[name] = total, size
    values["weight"], terms["weight"] = weight, weight
    return values, terms


def finish(case, values, terms, differs, exact, names):
    """Compares PyTorch with the contract, and completes the case."""
    different = [name for name in names if name in case and not all_near(
        *((x[name] if isinstance(case[name], list) else [x[name]]) for x in (case, values, terms)))]
    if bool(different) != bool(differs):
        raise AssertionError(f"{case['name']}: {different} differ, and this was expected: {differs}")
    if differs:
        case["differs"] = differs
    if exact:
        case["exact"] = {name: [float(x) for x in values[name]] for name in names
                         if name in case and isinstance(case[name], list)}
    return case


# -------------------------------------------------------------------------------------- Softmax cross-entropy

def cross_entropy(name, shape, logits, *, labels=None, distributions=None, class_weights=None, ignore_index=None,
                  label_smoothing=0.0, z_loss_scale=0.0, scale=1.0, softcap=None, reduction="none", upstream=None,
                  upstream_scale=1.0, initial=None, differs=None, refused=False, exact=False):
    samples, classes, inner = shape
    rows = samples * inner
    # With one position a matrix, as most callers have it; else (N, C, d1).
    view = (samples, classes) if inner == 1 else shape
    row_view = (samples,) if inner == 1 else (samples, inner)

    z = tensor(logits, *view).requires_grad_()
    u = z
    if softcap is not None:
        u = softcap * torch.tanh(scale * z / softcap)
    elif scale != 1:
        u = scale * z
    if labels is not None:
        target = torch.tensor(labels, dtype=torch.long).reshape(row_view)
    else:
        target = tensor(distributions, *view)
    arguments = {"label_smoothing": label_smoothing}
    if class_weights is not None:
        arguments["weight"] = tensor(class_weights, classes)
    if ignore_index is not None:
        arguments["ignore_index"] = ignore_index
    losses = F.cross_entropy(u, target, reduction="none", **arguments)

    lse = torch.logsumexp(u, dim=1)
    if labels is None:
        weight = torch.tensor(float(rows), dtype=torch.float64)
        counted = torch.ones(row_view, dtype=torch.bool)
    else:
        counted = target != (-100 if ignore_index is None else ignore_index)
        weight = (arguments["weight"] if class_weights is not None
                  else torch.ones(classes, dtype=torch.float64))[target[counted]].sum()
    z_losses = torch.where(counted, z_loss_scale * lse**2, torch.zeros_like(lse))

    if upstream is not None:
        per_row = upstream_scale * tensor(upstream, *row_view)
        objective, seed = losses, per_row / weight if reduction == "mean" else per_row
    else:
        objective = F.cross_entropy(u, target, reduction=reduction, **arguments)
        seed = torch.full_like(objective, upstream_scale)
    objective.backward(seed, retain_graph=True)
    if z_loss_scale != 0:
        row_seed = seed if upstream is not None or reduction == "none" else torch.full_like(lse, upstream_scale)
        if upstream is None and reduction == "mean":
            row_seed = row_seed / weight
        z_losses.backward(row_seed)
    gradient = z.grad if initial is None else z.grad + tensor(initial, *view)

    case = {"name": name, "types": types_that_hold(logits, distributions, upstream, initial),
            "samples": samples, "classes": classes, "inner": inner, "logits": logits}
    for key, value in (("labels", labels), ("distributions", distributions), ("class_weights", class_weights),
                       ("ignore_index", ignore_index), ("softcap", softcap), ("upstream", upstream),
                       ("initial", initial)):
        if value is not None:
            case[key] = value
    case.update(label_smoothing=label_smoothing, z_loss_scale=z_loss_scale, scale=scale, reduction=reduction,
                upstream_scale=upstream_scale)

    case["losses"] = flat(losses)
    if z_loss_scale != 0:
        case["z_losses"] = flat(z_losses)
    case["log_sum_exp"] = flat(lse)
    case["gradient"] = flat(gradient)
    if reduction != "none":
        case["loss"] = F.cross_entropy(u, target, reduction=reduction, **arguments).item()
        if z_loss_scale != 0:
            case["z_loss"] = (z_losses.sum() / (weight if reduction == "mean" else 1)).item()
    case["weight"] = weight.item()
    case["rows"] = int(counted.sum())
    if rows:
        truth = target if labels is not None else torch.argmax(target, dim=1)
        right = (torch.argmax(z, dim=1) == truth) & counted & ~torch.isnan(torch.softmax(u, dim=1)).any(dim=1)
        case["correct"] = int(right.sum())

    if refused:
        case["differs"] = differs
        return case
    values, terms = contract(case, shape)
    return finish(case, values, terms, differs, exact,
                  ["losses", "z_losses", "log_sum_exp", "gradient", "loss", "z_loss", "weight"])


def named(options):
    return ", ".join(f"{key} {value}" for key, value in options.items())


def softmax_cross_entropy_cases():
    yield from label_combinations()
    yield from distribution_combinations()
    yield from single_options()
    yield from random_combinations()
    yield from row_lengths()
    yield from extremes()
    yield from special_values()
    yield from cross_entropy_differences()


WEIGHTS = [1.0, 0.3, 0.0, 2.5, 0.7]


def label_combinations():
    """Labels x smoothing x weights x rows to ignore x reduction. One logit matrix, one row whose class has weight 0."""
    random = SplitMix64(1)
    shape = (6, 5, 1)
    logits = random.logits(30)
    for smoothing in (0.0, 0.1, 0.5, 1.0):
        for weights in (None, WEIGHTS):
            for ignored in (None, -100, -1, 3):
                labels = [0, 3, 1, 4, 3, 2]
                if ignored is not None and ignored < 0:
                    labels[1] = labels[4] = ignored
                for reduction in ("none", "sum", "mean"):
                    name = f"labels: smoothing {smoothing}, {'weights' if weights else 'no weights'}, " \
                           f"ignore {ignored}, {reduction}"
                    yield cross_entropy(name, shape, logits, labels=labels, class_weights=weights,
                                        ignore_index=ignored, label_smoothing=smoothing, reduction=reduction)


def distribution_combinations():
    random = SplitMix64(2)
    shape = (4, 5, 1)
    logits = random.logits(20)
    ones = random.distributions(shape)
    others = random.multiples(20, 0, 24, -4)
    others[5:10] = [0.0] * 5
    for kind, q in (("sums of one", ones), ("other sums", others)):
        for smoothing in (0.0, 0.1, 0.5, 1.0):
            for weights in (None, WEIGHTS):
                for reduction in ("none", "sum", "mean"):
                    name = f"distributions: {kind}, smoothing {smoothing}, " \
                           f"{'weights' if weights else 'no weights'}, {reduction}"
                    yield cross_entropy(name, shape, logits, distributions=q, class_weights=weights,
                                        label_smoothing=smoothing, reduction=reduction)


def single_options():
    """Every other option by itself, with labels and with distributions, in rows and in (N, C, S)."""
    for inner in (1, 3):
        shape = (3, 6, inner)
        rows, size = 3 * inner, 18 * inner
        random = SplitMix64(30 + inner)
        targets = {
            "labels": {"labels": [random.below(6) for _ in range(rows)]},
            "distributions": {"distributions": random.distributions(shape)},
        }
        options = [{}]
        options += [{"z_loss_scale": x} for x in (1e-4, 0.125, -0.01)]
        options += [{"scale": x} for x in (0.5, 0.7, 3.0)]
        options += [{"softcap": x} for x in (2.0, 5.5, 30.0)]
        options += [{"upstream_scale": x} for x in (0.0, -1.0, 0.3, 1024.0)]
        options += [{"softcap": 3.0, "scale": 1.7}, {"softcap": 3.0, "z_loss_scale": 0.05},
                    {"scale": 0.3, "z_loss_scale": 0.05}]
        logits = random.logits(size)
        upstream = random.multiples(rows, -16, 16, -3)
        initial = random.multiples(size, -32, 32, -4)
        for kind, target in targets.items():
            for option in options:
                for reduction in ("none", "mean"):
                    yield cross_entropy(f"{kind}, S {inner}: {named(option) or 'plain'}, {reduction}", shape, logits,
                                        reduction=reduction, **target, **option)
            for reduction in ("none", "sum", "mean"):
                for extra in ({}, {"upstream_scale": -0.75}):
                    name = f"{kind}, S {inner}: {{}}{' and ' + named(extra) if extra else ''}, {reduction}"
                    yield cross_entropy(name.format("upstream"), shape, logits, upstream=upstream,
                                        reduction=reduction, **target, **extra)
                    yield cross_entropy(name.format("accumulate"), shape, logits, initial=initial,
                                        reduction=reduction, **target, **extra)
            huge = random.multiples(size, -60, 60, 4)
            for scale in (1.0, 0.25):
                yield cross_entropy(f"{kind}, S {inner}: softcap 20 with huge logits, scale {scale}", shape, huge,
                                    softcap=20.0, scale=scale, exact=True, **target)


def random_combinations():
    """Anything with anything, in many shapes."""
    random = SplitMix64(4)
    for number in range(160):
        shape = (1 + random.below(4), random.element([2, 3, 5, 8, 13]), random.element([1, 1, 1, 2, 3, 5]))
        samples, classes, inner = shape
        rows, size = samples * inner, samples * classes * inner
        options = {}
        if random.below(3):
            labels = [random.below(classes) for _ in range(rows)]
            if random.below(2):
                options["ignore_index"] = random.element([-100, -1, classes - 1, 0])
                if options["ignore_index"] < 0:
                    labels = [x if random.below(3) else options["ignore_index"] for x in labels]
            options["labels"] = labels
        else:
            options["distributions"] = (random.distributions(shape) if random.below(2)
                                        else random.multiples(size, 0, 20, -4))
        if random.below(2):
            # One class keeps its weight; of the others some have none.
            options["class_weights"] = [1.5] + [random.below(9) / 5 for _ in range(classes - 1)]
        if random.below(2):
            options["label_smoothing"] = random.element([0.1, 0.25, 0.5, 1.0])
        if random.below(2):
            options["z_loss_scale"] = random.element([1e-4, 0.01, 0.25])
        if random.below(2):
            options["scale"] = random.element([0.25, 0.6, 1.3, 2.0])
        if random.below(3) == 0:
            options["softcap"] = random.element([1.5, 4.0, 15.0])
        if random.below(2):
            options["upstream"] = random.multiples(rows, -16, 16, -3)
        if random.below(2):
            options["upstream_scale"] = random.element([0.125, 0.9, -1.5])
        if random.below(2):
            options["initial"] = random.multiples(size, -32, 32, -4)
        options["reduction"] = random.element(["none", "sum", "mean"])
        logits = random.logits(size)
        if "labels" in options and options["reduction"] == "mean":
            # Means over nothing are among the differences.
            w = options.get("class_weights", [1] * classes)
            if not any(w[x] for x in options["labels"] if x != options.get("ignore_index")):
                options["reduction"] = "sum"
        yield cross_entropy(f"combination {number}", shape, logits, **options)


def row_lengths():
    """Numbers of classes, rows and positions around the widths that kernels are made of."""
    random = SplitMix64(5)
    for shape in ((1, 1, 1), (2, 2, 1), (3, 15, 1), (2, 16, 1), (2, 17, 1), (1, 33, 1), (1, 129, 1), (17, 3, 1),
                  (37, 2, 1), (16, 16, 1), (2, 3, 16), (1, 3, 17), (1, 2, 40), (1, 17, 15)):
        samples, classes, inner = shape
        size = math.prod(shape)
        logits = random.logits(size, 100)
        labels = [random.below(classes) for _ in range(samples * inner)]
        q = random.distributions(shape)
        yield cross_entropy(f"shape {shape}: labels", shape, logits, labels=labels, exact=True)
        yield cross_entropy(f"shape {shape}: distributions", shape, logits, distributions=q, reduction="sum")
        yield cross_entropy(f"shape {shape}: smoothed labels, softcap", shape, logits, labels=labels,
                            label_smoothing=0.125, softcap=6.0, reduction="mean", initial=random.logits(size))

    many = 5000
    logits = Large(101, many, 255, -127, -4)
    yield cross_entropy("5000 classes: label", (1, many, 1), logits, labels=[4321], exact=True)
    yield cross_entropy("5000 classes: smoothed label, z-loss", (1, many, 1), logits, labels=[17],
                        label_smoothing=0.1, z_loss_scale=1e-3, reduction="mean")
    yield cross_entropy("5000 classes: distribution", (1, many, 1), logits, distributions=Large(102, many, 129, 0, -18))
    yield cross_entropy("5000 classes: softcap, scale, class weights", (1, many, 1), logits, labels=[4999],
                        class_weights=Large(103, many, 5, 0, -1), softcap=10.0, scale=1.5, label_smoothing=0.5)
    yield cross_entropy("(1, 600, 3): label", (1, 600, 3), Large(104, 1800, 255, -127, -4), labels=[0, 599, 300])


def extremes():
    """Offsets, wide spreads, and rows whose label is all but certain."""
    random = SplitMix64(6)
    shape = (3, 6, 1)
    labels = [0, 3, 5]
    weights = [0.5, 2.0, 0.0, 1.0, 3.0, 0.25]
    q = random.distributions(shape)
    near_zero = random.logits(18, 24, -3)
    for offset in (1000.0, -1000.0, 10000.0, -10000.0):
        # Near these offsets, what every type can hold is far apart; the second set is for wide types alone.
        step = 4.0 if abs(offset) == 1000 else 64.0
        base = offset if abs(offset) == 1000 else math.copysign(9984.0, offset)
        coarse = [base + math.copysign(step, offset) * random.below(6) for _ in range(18)]
        fine = [offset + x for x in near_zero]
        for kind, logits in (("coarse", coarse), ("fine", fine)):
            name = f"logits about {offset:g}, {kind}: "
            yield cross_entropy(name + "labels", shape, logits, labels=labels, exact=True)
            yield cross_entropy(name + "distributions, smoothing, weights", shape, logits, distributions=q,
                                label_smoothing=0.1, class_weights=weights, reduction="mean")
            yield cross_entropy(name + "z-loss", shape, logits, labels=labels, z_loss_scale=2.0**-14, reduction="sum")
            yield cross_entropy(name + "scale", shape, logits, labels=labels, scale=0.3)

    # One label above, one below all others, one class beside two distant ones; from nearly sure to beyond all doubt.
    for distance in (8.0, 16.0, 32.0, 48.0, 96.0, 256.0, 768.0, 992.0):
        logits = [distance, 0.0, 1.0, -1.0, 0.5, 2.0,
                  0.0, 0.25, -1.5, -distance, 1.0, 2.0,
                  -distance, 0.0, -distance, distance, distance, 0.5]
        for rows in ([0, 3, 3], [0, 3, 2]):
            yield cross_entropy(f"labels {rows}, {distance:g} from the others", shape, logits, labels=rows, exact=True)
        yield cross_entropy(f"smoothing, {distance:g} from the others", shape, logits, labels=[0, 3, 3],
                            label_smoothing=0.1, reduction="mean")
        yield cross_entropy(f"distributions, {distance:g} from the others", shape, logits, distributions=q)
        yield cross_entropy(f"weights and upstream, {distance:g} from the others", shape, logits, labels=[0, 3, 3],
                            class_weights=weights, upstream=[2.0, -0.5, 4.0], exact=True)
        yield cross_entropy(f"softcap 30, {distance:g} from the others", shape, logits, labels=[0, 3, 3], softcap=30.0,
                            exact=True)
    yield cross_entropy("all equal", shape, [7.5] * 18, labels=labels, exact=True)
    yield cross_entropy("one class: smoothing, weights, z-loss", (2, 1, 1), [3.0, -2.0], labels=[0, 0],
                        label_smoothing=0.5, class_weights=[2.0], z_loss_scale=0.25, reduction="mean")
    yield cross_entropy("one class: distribution", (2, 1, 1), [3.0, -2.0], distributions=[0.5, 2.0])


def special_values():
    """Infinities and NaN where PyTorch gives what we give."""
    shape = (4, 4, 1)
    hole = [1.0, -INF, 0.5, 2.0,
            -INF, -INF, 0.25, -1.0,
            0.5, -INF, -INF, -INF,
            -2.0, 1.0, 0.0, -INF]
    labels = [3, 2, 0, 1]
    yield cross_entropy("-infinity: labels elsewhere", shape, hole, labels=labels, reduction="mean")
    yield cross_entropy("-infinity: at a label", shape, hole, labels=[1, 2, 0, 1], reduction="mean")
    yield cross_entropy("-infinity: smoothing", shape, hole, labels=labels, label_smoothing=0.1, reduction="sum")
    yield cross_entropy("-infinity: smoothing 1", shape, hole, labels=labels, label_smoothing=1.0)
    yield cross_entropy("-infinity: distributions that want it", shape, hole,
                        distributions=[0.25, 0.25, 0.25, 0.25] * 4)
    yield cross_entropy("-infinity: z-loss, scale", shape, hole, labels=labels, z_loss_scale=0.125, scale=0.75)
    yield cross_entropy("-infinity: class weights", shape, hole, labels=labels, class_weights=WEIGHTS[:4])
    yield cross_entropy("-infinity: upstream, accumulate", shape, hole, labels=labels, upstream=[0.5, 0.0, -2.0, 1.0],
                        initial=SplitMix64(7).logits(16))
    infinite = [1.0, INF, -INF, 2.0,
                INF, INF, 0.25, -1.0,
                0.5, -INF, -INF, -INF,
                -INF, -INF, -INF, -INF]
    yield cross_entropy("infinities with a softcap", shape, infinite, labels=labels, softcap=8.0)
    yield cross_entropy("infinities with a softcap, scale, smoothing", shape, infinite, labels=labels, softcap=8.0,
                        scale=2.0, label_smoothing=0.1, reduction="mean")
    yield cross_entropy("NaN with a softcap", shape, [1.0, NAN, 0.5, 2.0] + infinite[4:], labels=labels, softcap=8.0,
                        reduction="sum")
    yield cross_entropy("NaN: a row of its own", shape, [1.0, NAN, 0.5, 2.0] + hole[4:], labels=labels)
    yield cross_entropy("NaN: in a sum, upstream 0", shape, [1.0, NAN, 0.5, 2.0] + hole[4:], labels=labels,
                        upstream=[0.0, 1.0, 1.0, 1.0], reduction="sum",
                        differs="0 * NaN is NaN in PyTorch; here an upstream gradient of 0 gives 0")
    yield cross_entropy("NaN: smoothing, weights", shape, [1.0, NAN, 0.5, 2.0] + hole[4:], labels=labels,
                        label_smoothing=0.1, class_weights=[1.0, 2.0, 0.5, 0.25])
    yield cross_entropy("everything ignored: none", (2, 3, 1), [1.0, 2.0, 0.5, 0.0, 0.0, 4.0], labels=[-1, -1],
                        ignore_index=-1)
    yield cross_entropy("everything ignored: sum, smoothing, weights, accumulate", (2, 3, 1),
                        [1.0, 2.0, 0.5, 0.0, 0.0, 4.0], labels=[-1, -1], ignore_index=-1, label_smoothing=0.1,
                        class_weights=[1.0, 2.0, 3.0], initial=[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], reduction="sum")


def cross_entropy_differences():
    """Where PyTorch's value is not ours."""
    shape = (2, 3, 1)
    logits = [1.0, 2.0, 0.5, 0.0, 0.0, 4.0]
    nothing = "a mean over no rows is NaN in PyTorch, 0 here"
    yield cross_entropy("mean over no rows", shape, logits, labels=[-1, -1], ignore_index=-1, reduction="mean",
                        differs=nothing)
    yield cross_entropy("mean over no rows, smoothing and weights", shape, logits, labels=[-1, -1], ignore_index=-1,
                        reduction="mean", label_smoothing=0.1, class_weights=[1.0, 2.0, 3.0], differs=nothing)
    yield cross_entropy("mean over an empty batch", (0, 3, 1), [], labels=[], reduction="mean", differs=nothing)
    weightless = "a mean over rows of weight 0 is NaN in PyTorch, 0 here"
    yield cross_entropy("mean over rows of weight 0", shape, logits, labels=[1, 1], class_weights=[1.0, 0.0, 3.0],
                        reduction="mean", differs=weightless)
    yield cross_entropy("mean over rows of weight 0, smoothing", shape, logits, labels=[1, 1], label_smoothing=0.1,
                        class_weights=[1.0, 0.0, 3.0], reduction="mean", differs=weightless)
    hole = [1.0, 2.0, -INF, 0.0, 0.0, 4.0]
    product = "a probability of 0 that the target does not want is 0 * infinity, NaN, in PyTorch's loss"
    yield cross_entropy("-infinity at a label of weight 0", shape, hole, labels=[2, 0],
                        class_weights=[1.0, 2.0, 0.0], differs=product)
    yield cross_entropy("-infinity at a class of weight 0, smoothing", shape, hole, labels=[0, 1],
                        class_weights=[1.0, 2.0, 0.0], label_smoothing=0.1, differs=product)
    yield cross_entropy("-infinity where the distribution is 0", shape, hole,
                        distributions=[0.5, 0.5, 0.0, 0.25, 0.5, 0.25], reduction="sum", differs=product)
    row = "the gradient of an ignored row that gives NaN is NaN in PyTorch, 0 here"
    yield cross_entropy("NaN in an ignored row", shape, [1.0, NAN, 0.5, 0.0, 0.0, 4.0], labels=[-1, 1],
                        ignore_index=-1, differs=row)
    yield cross_entropy("+infinity in an ignored row, smoothing", shape, [1.0, INF, 0.5, 0.0, 0.0, 4.0],
                        labels=[-1, 1], ignore_index=-1, label_smoothing=0.1, differs=row)
    yield cross_entropy("infinite upstream", shape, logits, labels=[1, 2], upstream=[INF, 1.0],
                        differs="an infinite upstream makes one element NaN in PyTorch, every element here")
    yield cross_entropy("+infinity", shape, [1.0, INF, 0.5, 0.0, 0.0, 4.0], labels=[1, 1])
    yield cross_entropy("nothing but -infinity", shape, [-INF, -INF, -INF, 0.0, 0.0, 4.0], labels=[1, 1])
    # Nothing to compare: here these are errors.
    yield cross_entropy("label -100 with no index to ignore", shape, logits, labels=[-100, 1], refused=True,
                        differs="PyTorch ignores the label -100 unless another is given; here it is out of range")
    yield cross_entropy("distributions with an index to ignore", shape, logits, ignore_index=-1, refused=True,
                        distributions=[0.5, 0.5, 0.0, 0.25, 0.5, 0.25],
                        differs="PyTorch disregards a negative index to ignore with distributions; refused here")


# --------------------------------------------------------------------------- Softmax, log-softmax, log-sum-exp

def softmax(name, shape, logits, upstream, differs=None, exact=False):
    samples, classes, inner = shape
    case = {"name": name, "types": types_that_hold(logits, upstream), "samples": samples, "classes": classes,
            "inner": inner, "logits": logits, "upstream": upstream}
    z, g = tensor(logits, *shape), tensor(upstream, *shape)
    case["log_sum_exp"] = flat(torch.logsumexp(z, dim=1))
    for key, function in (("softmax", torch.softmax), ("log_softmax", torch.log_softmax)):
        variable = z.clone().requires_grad_()
        output = function(variable, dim=1)
        output.backward(g)
        case[key], case[key + "_gradient"] = flat(output), flat(variable.grad)

    names = ["log_sum_exp", "softmax", "log_softmax", "softmax_gradient", "log_softmax_gradient"]
    values = {key: [NAN] * len(case[key]) for key in names}
    terms = {key: [0] * len(case[key]) for key in names}
    for row in range(samples * inner):
        at = [((row // inner) * classes + c) * inner + row % inner for c in range(classes)]
        u = mp_list(logits[i] for i in at)
        lse = mp_log_sum_exp(u)
        values["log_sum_exp"][row] = lse
        if not mpmath.isfinite(lse):
            continue
        size = 1 + max(abs(x) for x in u if x != -INF) + mpmath.log(classes)
        terms["log_sum_exp"][row] = size
        p = [mpmath.exp(x - lse) if x != -INF else mpmath.mpf(0) for x in u]
        weighted, plain = (sum(p[c] * upstream[i] for c, i in enumerate(at)), sum(upstream[i] for i in at))
        for c, i in enumerate(at):
            values["softmax"][i], terms["softmax"][i] = p[c], p[c] * size
            values["log_softmax"][i], terms["log_softmax"][i] = u[c] - lse, size
            values["softmax_gradient"][i] = p[c] * (upstream[i] - weighted)
            values["log_softmax_gradient"][i] = upstream[i] - p[c] * plain
            total = sum(abs(upstream[k]) for k in at)
            terms["softmax_gradient"][i] = p[c] * size * (abs(upstream[i]) + total)
            terms["log_softmax_gradient"][i] = abs(upstream[i]) + p[c] * size * total
    return finish(case, values, terms, differs, exact, names)


def softmax_backward(name, shape, output, upstream, logarithm):
    """What autograd calls, with an output that every type holds, which need not be a softmax of anything."""
    samples, classes, inner = shape
    backward = torch._log_softmax_backward_data if logarithm else torch._softmax_backward_data
    gradient = backward(tensor(upstream, *shape), tensor(output, *shape), 1, torch.float64)
    return {"name": name, "types": types_that_hold(output, upstream), "samples": samples, "classes": classes,
            "inner": inner, "logarithm": logarithm, "output": output, "upstream": upstream, "gradient": flat(gradient)}


def softmax_cases():
    random = SplitMix64(8)
    for shape in ((1, 1, 1), (3, 5, 1), (2, 16, 1), (3, 17, 1), (1, 130, 1), (2, 4, 3), (1, 3, 17), (2, 33, 2)):
        size = math.prod(shape)
        yield softmax(f"shape {shape}", shape, random.logits(size, 100), random.multiples(size, -32, 32, -3),
                      exact=True)
    shape = (3, 6, 1)
    for offset in (1000.0, -1000.0, 9984.0, -9984.0):
        step = math.copysign(4.0 if abs(offset) == 1000 else 64.0, offset)
        logits = [offset + step * random.below(6) for _ in range(18)]
        yield softmax(f"logits about {offset:g}", shape, logits, random.multiples(18, -32, 32, -3), exact=True)
        logits = [math.copysign(round(abs(offset), -3), offset) + x for x in random.logits(18, 24, -3)]
        yield softmax(f"logits about {offset:g}, fine", shape, logits, random.multiples(18, -32, 32, -3), exact=True)
    for distance in (16.0, 40.0, 96.0, 768.0, 992.0):
        logits = [distance, 0.0, 1.0, -1.0, 0.5, 2.0, 0.0, 0.25, -1.5, -distance, 1.0, 2.0,
                  -distance, 0.0, -distance, distance, distance, 0.5]
        yield softmax(f"one class {distance:g} from the others", shape, logits, random.multiples(18, -32, 32, -3),
                      exact=True)
    yield softmax("5000 classes", (1, 5000, 1), Large(105, 5000, 255, -127, -4), Large(106, 5000, 65, -32, -3))
    yield softmax("-infinity", (3, 4, 1), [1.0, -INF, 0.5, 2.0, -INF, -INF, 0.25, -1.0, 0.5, -INF, -INF, -INF],
                  random.multiples(12, -32, 32, -3))
    yield softmax("NaN", (2, 3, 1), [1.0, NAN, 0.5, 0.0, 0.0, 4.0], random.multiples(6, -32, 32, -3))
    yield softmax("+infinity", (2, 3, 1), [1.0, INF, 0.5, 0.0, 0.0, 4.0], random.multiples(6, -32, 32, -3))
    yield softmax("nothing but -infinity", (2, 3, 1), [-INF, -INF, -INF, 0.0, 0.0, 4.0],
                  random.multiples(6, -32, 32, -3))


def softmax_backward_cases():
    random = SplitMix64(9)
    for shape in ((1, 1, 1), (3, 5, 1), (2, 16, 1), (3, 17, 1), (2, 4, 3), (1, 40, 2)):
        size = math.prod(shape)
        yield softmax_backward(f"softmax, shape {shape}", shape, random.distributions(shape),
                               random.multiples(size, -32, 32, -3), False)
        logarithms = random.multiples(size, -96, 0, -3)
        logarithms[-1] = -INF
        yield softmax_backward(f"log-softmax, shape {shape}", shape, logarithms,
                               random.multiples(size, -32, 32, -3), True)


# ------------------------------------------------------------------------------------------ Binary cross-entropy

def sigmoid_cross_entropy(name, shape, logits, targets, *, positive_weights=None, weights=None, label_smoothing=0.0,
                          reduction="none", upstream=None, upstream_scale=1.0, initial=None, differs=None, exact=False):
    z = tensor(logits, *shape).requires_grad_()
    y = tensor(targets, *shape)
    if label_smoothing:
        y = y * (1 - label_smoothing) + label_smoothing / 2
    arguments = {}
    if weights is not None:
        arguments["weight"] = tensor(weights, *shape)
    if positive_weights is not None:
        arguments["pos_weight"] = tensor(positive_weights, len(positive_weights))
    losses = F.binary_cross_entropy_with_logits(z, y, reduction="none", **arguments)
    if upstream is not None:
        divisor = len(logits) if reduction == "mean" else 1
        losses.backward(tensor(upstream, *shape) * upstream_scale / divisor)
    else:
        objective = F.binary_cross_entropy_with_logits(z, y, reduction=reduction, **arguments)
        objective.backward(torch.full_like(objective, upstream_scale))
    gradient = z.grad if initial is None else z.grad + tensor(initial, *shape)

    case = {"name": name, "types": types_that_hold(logits, targets, weights, upstream, initial), "logits": logits,
            "targets": targets}
    for key, value in (("positive_weights", positive_weights), ("weights", weights), ("upstream", upstream),
                       ("initial", initial)):
        if value is not None:
            case[key] = value
    case.update(label_smoothing=label_smoothing, reduction=reduction, upstream_scale=upstream_scale)
    case["losses"], case["gradient"] = flat(losses), flat(gradient)
    if reduction != "none":
        case["loss"] = F.binary_cross_entropy_with_logits(z, y, reduction=reduction, **arguments).item()

    # What the header says.
    values, terms = {"losses": [], "gradient": []}, {"losses": [], "gradient": []}
    smoothing, factor = mpmath.mpf(label_smoothing), mpmath.mpf(upstream_scale)
    if reduction == "mean":
        factor = factor / len(logits) if logits else mpmath.mpf(0)
    for i, x in enumerate(logits):
        x, target = mpmath.mpf(x), (1 - smoothing) * mpmath.mpf(targets[i]) + smoothing / 2
        v = mpmath.mpf(weights[i]) if weights else 1
        w = mpmath.mpf(positive_weights[i % len(positive_weights)]) if positive_weights else 1
        negative, positive = v * (1 - target), v * w * target
        # log(1 + exp(x)), and the logistic function, to full relative precision.
        plus, minus = (mpmath.log1p(mpmath.exp(x)) if x != INF else INF,
                       mpmath.log1p(mpmath.exp(-x)) if x != -INF else INF)
        s, t = (mpmath.mpf(y > 0) if mpmath.isinf(y) else 1 / (1 + mpmath.exp(-y)) for y in (x, -x))
        values["losses"].append((negative * plus if negative else 0) + (positive * minus if positive else 0))
        f = factor * mpmath.mpf(upstream[i] if upstream else 1)
        start = mpmath.mpf(initial[i]) if initial else 0
        values["gradient"].append(start + (negative * s - positive * t) * f)
        terms["losses"].append((abs(negative) + abs(positive)) * (1 + abs(x) if mpmath.isfinite(x) else 1))
        terms["gradient"].append(abs(start) + (abs(negative) + abs(positive)) * abs(f))
    if reduction != "none":
        divisor = max(len(logits), 1) if reduction == "mean" else 1
        values["loss"] = sum(values["losses"], mpmath.mpf(0)) / divisor
        terms["loss"] = sum(terms["losses"], mpmath.mpf(0)) / divisor
    return finish(case, values, terms, differs, exact, ["losses", "gradient", "loss"])


def sigmoid_cross_entropy_cases():
    random = SplitMix64(10)
    shape = (4, 5)
    logits = random.logits(20, 96)
    hard = [float(random.below(2)) for _ in range(20)]
    soft = random.multiples(20, 0, 16, -4)
    weights = random.multiples(20, 0, 12, -2)
    for kind, y in (("hard", hard), ("soft", soft)):
        for smoothing in (0.0, 0.1, 1.0):
            for positive in (None, [3.0], [0.25, 1.0, 0.0, 2.5, 0.7]):
                for each in (None, weights):
                    for reduction in ("none", "sum", "mean"):
                        name = f"{kind} targets, smoothing {smoothing}, positive weights {positive}, " \
                               f"{'weights' if each else 'no weights'}, {reduction}"
                        yield sigmoid_cross_entropy(name, shape, logits, y, positive_weights=positive, weights=each,
                                                    label_smoothing=smoothing, reduction=reduction)
    upstream = random.multiples(20, -16, 16, -3)
    initial = random.multiples(20, -32, 32, -4)
    for reduction in ("none", "sum", "mean"):
        for scale in (0.0, 1.0, -0.3):
            yield sigmoid_cross_entropy(f"upstream, upstream scale {scale}, {reduction}", shape, logits, soft,
                                        upstream=upstream, upstream_scale=scale, reduction=reduction)
            yield sigmoid_cross_entropy(f"accumulate, upstream scale {scale}, {reduction}", shape, logits, soft,
                                        initial=initial, upstream_scale=scale, reduction=reduction)
    yield sigmoid_cross_entropy("everything", shape, logits, soft, positive_weights=[0.25, 1.0, 0.0, 2.5, 0.7],
                                weights=weights, label_smoothing=0.1, reduction="mean", upstream=upstream,
                                upstream_scale=1.7, initial=initial)
    yield sigmoid_cross_entropy("targets outside [0, 1]", shape, logits, random.multiples(20, -32, 32, -4),
                                positive_weights=[3.0])
    size = 40
    far = [0.0, 0.0625, 1.0, 8.0, 17.0, 18.5, 30.0, 36.0, 38.0, 64.0, 88.0, 89.0, 104.0, 120.0, 256.0, 704.0, 720.0,
           744.0, 752.0, 1000.0]
    far = far + [-x for x in far]
    for y in (0.0, 1.0):
        yield sigmoid_cross_entropy(f"up to 1000, target {y:g}", (size,), far, [y] * size, exact=True)
        yield sigmoid_cross_entropy(f"up to 1000, target {y:g}, positive weight, weights", (size,), far, [y] * size,
                                    positive_weights=[2.5], weights=random.multiples(size, 1, 12, -2), exact=True)
    yield sigmoid_cross_entropy("up to 1000, target 0.25", (size,), far, [0.25] * size, reduction="mean")
    for length in (1, 15, 16, 17, 33):
        yield sigmoid_cross_entropy(f"{length} logits, 3 positive weights" if length % 3 == 0 else f"{length} logits",
                                    (length // 3, 3) if length % 3 == 0 else (length,), random.logits(length, 96),
                                    random.multiples(length, 0, 16, -4), reduction="sum",
                                    positive_weights=[0.5, 2.0, 1.25] if length % 3 == 0 else None)
    yield sigmoid_cross_entropy("5000 logits", (5000,), Large(107, 5000, 255, -127, -4), Large(108, 5000, 17, 0, -4),
                                reduction="mean")
    yield sigmoid_cross_entropy("+infinity with targets below 1, and NaN", (4,), [INF, INF, NAN, 1.0],
                                [0.0, 0.5, 1.0, 1.0], reduction="sum")
    product = "a factor of 0 times an infinite logarithm is NaN in PyTorch's loss, 0 here"
    yield sigmoid_cross_entropy("+infinity at target 1", (2,), [INF, 1.0], [1.0, 0.0], reduction="mean",
                                differs=product)
    yield sigmoid_cross_entropy("+infinity, weight 0", (2,), [INF, 1.0], [0.0, 0.0], weights=[0.0, 1.0],
                                differs=product)
    minus = "PyTorch's loss of -infinity is NaN whatever the target; here it is 0 at target 0, infinite above"
    yield sigmoid_cross_entropy("-infinity at target 0", (2,), [-INF, 1.0], [0.0, 0.0], reduction="sum", differs=minus)
    yield sigmoid_cross_entropy("-infinity with targets above 0", (2,), [-INF, -INF], [1.0, 0.5], differs=minus)
    yield sigmoid_cross_entropy("mean over nothing", (0,), [], [], reduction="mean",
                                differs="a mean over nothing is NaN in PyTorch, 0 here")


# ------------------------------------------------------------------------------------------------------- Output

def plain(value):
    """As JSON has it: formulas for large inputs, strings for what is no number, integers without a decimal point."""
    if isinstance(value, Large):
        return value.description
    if isinstance(value, dict):
        return {key: plain(x) for key, x in value.items()}
    if isinstance(value, list):
        return [plain(x) for x in value]
    if isinstance(value, float):
        if math.isnan(value):
            return "NaN"
        if math.isinf(value):
            return "Infinity" if value > 0 else "-Infinity"
        return int(value) if value == int(value) and abs(value) < 2**53 else value
    return value


def write(name, cases):
    """One case a line."""
    cases = [plain(case) for case in cases]
    names = [case["name"] for case in cases]
    assert len(names) == len(set(names)), "names are not unique"
    lines = ",\n".join(json.dumps(case, allow_nan=False, separators=(",", ":")) for case in cases)
    # Without a time stamp: the same data give the same file.
    (Path(__file__).parent / name).write_bytes(gzip.compress(f"[\n{lines}\n]\n".encode(), 9, mtime=0))
    print(f"{name}: {len(cases)} cases, {sum('differs' in case for case in cases)} of them not ours")


if __name__ == "__main__":
    write("softmax_cross_entropy.json.gz", softmax_cross_entropy_cases())
    write("softmax.json.gz", softmax_cases())
    write("softmax_backward.json.gz", softmax_backward_cases())
    write("sigmoid_cross_entropy.json.gz", sigmoid_cross_entropy_cases())
