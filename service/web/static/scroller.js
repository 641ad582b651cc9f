// Follows a growing answer while the reader is at its end, and never pulls otherwise: not when the
// reader has scrolled away, and never so far that the question leaves the page unread.

const NEAR = 80; // px from the end that still count as being there

export class Scroller {
  constructor(jump, turns) {
    this.jump = jump;
    this.turns = turns;
    this.isFollowing = true;
    this.isJumped = false; // the reader asked for the very end
    jump.addEventListener("click", () => {
      this.isJumped = true;
      this.toEnd();
    });
    window.addEventListener("scroll", () => this.#look(), { passive: true });
    new ResizeObserver(() => this.follow()).observe(turns);
  }

  follow() {
    if (this.isFollowing) this.#go();
    this.#look();
  }

  // To a turn that has just been added.
  toNewest() {
    this.isJumped = false;
    this.toEnd();
  }

  toEnd() {
    this.isFollowing = true;
    this.follow();
  }

  #go() {
    const page = document.documentElement;
    const end = page.scrollHeight - window.innerHeight;
    const margin = parseFloat(getComputedStyle(page).scrollPaddingTop) - 16;
    const question = window.scrollY + (this.turns.lastElementChild?.getBoundingClientRect().top ?? Infinity) - margin;
    this.target = Math.max(0, this.isJumped ? end : Math.min(end, question));
    if (Math.abs(window.scrollY - this.target) > 1) window.scrollTo({ top: this.target, behavior: "instant" });
  }

  #look() {
    const page = document.documentElement;
    const left = page.scrollHeight - window.scrollY - window.innerHeight;
    this.jump.hidden = left < NEAR;
    this.isFollowing = left < NEAR || Math.abs(window.scrollY - this.target) < 2;
    if (left >= NEAR) this.isJumped &&= this.isFollowing;
  }
}
