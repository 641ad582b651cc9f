// Paints growing text: one paint a frame, and only what changed, so that nothing moves or blinks.

import { blocksOf, renderBlock } from "./markdown.js";

export class Painter {
  constructor(target, mark) {
    this.target = target;
    this.mark = mark;
    this.text = "";
    this.painted = []; // the source of every block on the page
    this.frame = null;
    this.onPaint = () => {};
  }

  add(text) {
    this.text += text;
    this.frame ??= requestAnimationFrame(() => this.#paint(withoutCutMark(this.text)));
  }

  // The whole text at once; no later frame may paint over it.
  finish(text = withoutCutMark(this.text)) {
    if (this.frame !== null) cancelAnimationFrame(this.frame);
    this.text = text;
    this.#paint(text);
  }

  #paint(text) {
    this.frame = null;
    const blocks = blocksOf(text);
    const sources = blocks.map((block) => `${block.kind}${block.level ?? ""}\n${block.lines.join("\n")}`);
    blocks.forEach((block, index) => {
      if (this.painted[index] === sources[index]) return;
      const node = renderBlock(block, this.mark);
      const old = this.target.children[index];
      if (!old) this.target.append(node);
      else if (!grow(old, node)) old.replaceWith(node);
    });
    while (this.target.children.length > blocks.length) this.target.lastElementChild.remove();
    this.painted = sources;
    this.onPaint();
  }
}

// A mark that the stream has cut in two waits for its second half; a strong phrase that is not
// yet closed is closed for now, so that its stars do not show and vanish.
function withoutCutMark(text) {
  const whole = text.replace(/\[\d*$/, "").replace(/[*_`]{1,3}$/, "");
  const last = whole.slice(whole.lastIndexOf("\n\n") + 1);
  const isOpen = (last.split("**").length - 1) % 2 === 1;
  return isOpen ? `${whole.trimEnd()}**` : whole;
}

// Make `old` equal to `fresh` by touching only what differs; false when it must be replaced.
// Chips that are already there stay the same nodes, with their focus and their open card.
function grow(old, fresh) {
  if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName) return false;
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return true;
  }
  if (old.dataset.n !== fresh.dataset.n) return false;
  if (old.dataset.n) return true;
  const wanted = [...fresh.childNodes];
  wanted.forEach((child, index) => {
    const there = old.childNodes[index];
    if (!there) old.append(child);
    else if (!grow(there, child)) there.replaceWith(child);
  });
  while (old.childNodes.length > wanted.length) old.lastChild.remove();
  return true;
}
