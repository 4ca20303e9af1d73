// A receiver as it is written in JavaScript: verifies deliveries with the published library, and nothing of ours.
// Reads a JSON array of {secret, headers, body} from standard input; writes an array of "genuine", or why it is not.
"use strict";

const { Webhook } = require("standardwebhooks");

const verdict = ({ secret, headers, body }) => {
  try {
    const event = new Webhook(secret).verify(body, headers);
    return event.type ? "genuine" : "empty";
  } catch (error) {
    return error.message;
  }
};

process.stdout.write(JSON.stringify(JSON.parse(require("node:fs").readFileSync(0, "utf8")).map(verdict)));
