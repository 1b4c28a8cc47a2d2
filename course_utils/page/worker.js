"use strict";
/* The network beside the page. Every part of the page has a lane here, and a new job in a lane takes
the place of the old one. Lanes take turns, one network evaluation each, so none waits for another. */

let net = null, running = false;
const lanes = new Map(); // lane -> {id, work}; first in, first served
const turn = new MessageChannel(); // lets messages from the page in between two evaluations

const jobs = {
  // Pictures, one after the other, with every step on the way.
  *draw({ pictures, evaluations, strength }) {
    for (const { index, noise, label, sketch } of pictures) {
      let number = 0;
      for (const step of net.steps(noise, evaluations, { label, sketch, strength }))
        yield { index, number: number++, step };
    }
  },
  // All that the network made on the way to one answer.
  *maps({ seen, told, label }) {
    const maps = [];
    net.look = (name, data, shape) => maps.push({ name, data, shape });
    net.forward(seen, told, label);
    net.look = null;
    yield { maps };
  },
};

onmessage = ({ data }) => {
  if (data.kept) {
    net = built(data.kept);
    postMessage({ ready: true });
  } else if (data.job) {
    lanes.set(data.lane, { id: data.id, work: jobs[data.job](data) });
    if (!running) turn.port2.postMessage(null);
    running = true;
  } else lanes.clear();
};

turn.port1.onmessage = () => {
  const [first] = lanes;
  running = Boolean(first);
  if (!first) return;
  const [lane, job] = first;
  lanes.delete(lane);
  const { value, done } = job.work.next();
  if (!done) lanes.set(lane, job); // behind the others
  postMessage({ lane, id: job.id, done, ...value });
  turn.port2.postMessage(null);
};
