// What a browser made of outputs, but for text, tables and our own figures: one line each, none when they are inert.
(outputs) => {
  const tags = new Set(
    "b br code details div em h4 img p pre small span strong style summary table tbody td th thead tr".split(" "),
  );
  const attributes = {
    align: /^(left|right)$/,
    alt: /^figure \d+$/,
    class: /^(?!.*(katex|\bjp-|\bmjx|MathJax)).*$/s,
    src: /^data:image\/png;base64,[A-Za-z0-9+/]+=*$/,
    style: /^text-align: ?(left|right);?$/,
  };
  // In errors, JupyterLab makes links of paths by itself, which have an address only when they lead to a file of its own.
  const pathOfLab = (output, link) =>
    output.dataset.mimeType === "application/vnd.jupyter.stderr" &&
    (!link.hasAttribute("href") || link.origin === location.origin);
  const wrong = (output, element) => {
    const tag = element.localName;
    if (tag === "a") return !pathOfLab(output, element);
    if (!tags.has(tag) || element.namespaceURI !== "http://www.w3.org/1999/xhtml") return true;
    if (tag === "style" && (/url\(|@|:root|^(?!\n\.csva)/.test(element.textContent) || element.sheet === null)) return true;
    return [...element.attributes].some(({ name, value }) => !attributes[name]?.test(value));
  };
  return outputs.flatMap((output) =>
    [...output.querySelectorAll("*")].filter((one) => wrong(output, one)).map((one) => one.outerHTML.slice(0, 200)),
  );
}
