// Follows the end of a growing answer while the reader is there, and never pulls otherwise.

const NEAR = 80; // px from the end that still count as being there

export class Scroller {
  constructor(jump, turns) {
    this.jump = jump;
    this.isAtEnd = true;
    jump.addEventListener("click", () => this.toEnd());
    window.addEventListener("scroll", () => this.#look(), { passive: true });
    new ResizeObserver(() => this.follow()).observe(turns);
  }

  follow() {
    if (this.isAtEnd) this.#go();
    else this.#look();
  }

  toEnd() {
    this.isAtEnd = true;
    requestAnimationFrame(() => this.#go());
  }

  #go() {
    const page = document.documentElement;
    window.scrollTo({ top: page.scrollHeight, behavior: "instant" });
    this.jump.hidden = true;
  }

  #look() {
    const page = document.documentElement;
    const left = page.scrollHeight - window.scrollY - window.innerHeight;
    this.isAtEnd = left < NEAR;
    this.jump.hidden = this.isAtEnd;
  }
}
