// The mark: a stage's flag on the line of versions.

export function Logo() {
  return (
    <span className="logo">
      <svg viewBox="0 0 24 24" width="22" height="22" aria-hidden="true">
        <path
          d="M6 3v18M6 5h11l-3 3.500 3 3.500H6"
          fill="none"
          stroke="currentColor"
          strokeWidth="2.200"
          strokeLinejoin="round"
          strokeLinecap="round"
        />
        <circle cx="6" cy="20.500" r="2" fill="currentColor" />
      </svg>
      csms
    </span>
  );
}
