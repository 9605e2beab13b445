/* What the lab needs beyond itself comes as scripts that carry base64: a page opened from a file may not fetch. */

const arrived = new Map(); // name -> what the script brought
const waiting = new Map(); // name -> promise

window.srTryit.got = (name, content) => arrived.set(name, content);

function asset(name) {
  if (!waiting.has(name)) {
    waiting.set(name, new Promise((done, failed) => {
      const script = document.createElement("script");
      script.src = `${window.srTryit.folder}${name}.js`;
      script.addEventListener("load", () => done(arrived.get(name)));
      script.addEventListener("error", () => { waiting.delete(name); failed(new Error(`missing ${name}`)); });
      document.head.append(script);
    }));
  }
  return waiting.get(name);
}
