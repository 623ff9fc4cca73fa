// {"out": "function\n", "err": "^$"}
import('fs').then((fs) => console.log(typeof fs.readFileSync));
