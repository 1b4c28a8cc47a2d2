"use strict";
/* From noise to a picture, whatever the network was asked for.

A noisy picture is a x0 + s eps, and so is what the network answers, with other shares of the two.
From both together follow x0 and eps; mixed again with less noise, they are the next step. For
straight lines that is Euler's method, for v and eps it is DDIM. */

// How much of x0 and of eps is in the picture at time t: 0 ... 1 on lines, else a step 0 ... 999.
function inPicture({ predicts }, t) {
  if (predicts === "straight") return [1 - t, t];
  const alphaBar = t === null ? 1 : cosineSchedule[t];
  return [Math.sqrt(alphaBar), Math.sqrt(1 - alphaBar)];
}

// And in the answer: lines are asked for eps - x0, v is a eps - s x0.
function inAnswer({ predicts }, [a, s]) {
  return { straight: [-1, 1], v: [-s, a], eps: [0, 1] }[predicts];
}

// schedule.py's cosine_schedule: alpha_bar of the steps 0 ... 999.
const cosineSchedule = (() => {
  const ideal = (i) => Math.cos(((i / 1000 + 0.008) / 1.008) * (Math.PI / 2)) ** 2;
  let alphaBar = 1;
  return Float32Array.from({ length: 1000 }, (_, t) => {
    const beta = Math.min(1 - ideal(t + 1) / ideal(t), 0.999);
    return (alphaBar *= 1 - beta);
  });
})();

// The times that are visited, from the noisiest on. Below strength 1 the start has less noise.
function times({ predicts }, evaluations, strength = 1) {
  const shares = Array.from({ length: evaluations }, (_, i) => strength * (1 - i / evaluations));
  if (predicts === "straight") return shares;
  return shares.map((share) => Math.max(roundEven(1000 * share) - 1, 0));
}

function roundEven(x) { // as Python does: 2.5 becomes 2
  const below = Math.floor(x);
  return x - below === 0.5 ? below + (below % 2) : Math.round(x);
}

const mix = (x0, eps, [a, s]) => x0.map((v, i) => a * v + s * eps[i]);

/* After every evaluation: the time t, what the network was told of it, the picture that it saw, its
guess of x0, and the picture xt that follows. A sketch is mixed with noise up to strength first
("SDEdit", 2021). */
function* steps(net, noise, evaluations, { label, sketch, strength = 1 } = {}) {
  const { settings } = net, straight = settings.predicts === "straight";
  const visited = times(settings, evaluations, strength);
  let xt = sketch ? mix(sketch, noise, inPicture(settings, visited[0])) : noise;
  for (const [i, t] of visited.entries()) {
    const told = straight ? Math.floor(999 * t + 0.5) : t, seen = xt;
    const answer = net.forward(xt, told, label);
    const [a, s] = inPicture(settings, t), [c, d] = inAnswer(settings, [a, s]);
    const x0 = xt.map((x, j) => (d * x - s * answer[j]) / (a * d - s * c));
    let eps = xt.map((x, j) => (a * answer[j] - c * x) / (a * d - s * c));
    if (!straight) { // x0 is clipped to where pictures live, and eps goes with it
      x0.forEach((v, j) => (x0[j] = Math.min(Math.max(v, -1), 1)));
      eps = xt.map((x, j) => (x - a * x0[j]) / s);
    }
    const next = i + 1 < visited.length ? visited[i + 1] : straight ? 0 : null;
    xt = mix(x0, eps, inPicture(settings, next));
    yield { t, told, seen, x0, xt };
  }
}
