// Lists that come in pages, read to their end.

interface Page {
  page_info: { next_marker?: string | undefined };
}

/** All pages, in order. A marker that repeats ends them. */
export async function allPages<P extends Page>(read: (page: { marker?: string }) => Promise<P>): Promise<P[]> {
  const found: P[] = [];
  let marker: string | undefined;
  do {
    const page = await read(marker ? { marker } : {});
    found.push(page);
    marker = page.page_info.next_marker === marker ? undefined : page.page_info.next_marker;
  } while (marker);
  return found;
}
