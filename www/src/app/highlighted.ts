// Which line of a list is highlighted while lines come and go. Pure.

/** The index of the line that leads to `place`; of the first one if none does. */
export const highlighted = (lines: readonly { href: string }[], place: string | undefined): number =>
  Math.max(
    0,
    lines.findIndex(({ href }) => href === place),
  );
