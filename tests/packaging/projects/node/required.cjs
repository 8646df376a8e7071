// A program in the older module system reaches the package through `import()`.
import("csms").then((csms) => console.log(csms.parseRotationPeriod("24h").value.canonical));
