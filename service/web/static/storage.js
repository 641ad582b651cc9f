// The browser's stores, which may be closed to us (cookies off): then nothing is kept.

export function recall(key, where = "localStorage") {
  try {
    return JSON.parse(window[where].getItem(key));
  } catch {
    return null;
  }
}

export function keep(key, value, where = "localStorage") {
  try {
    if (value === null) window[where].removeItem(key);
    else window[where].setItem(key, JSON.stringify(value));
  } catch {
    // full or closed: the page works without
  }
}
