// node asked.mjs sdk-1|client-2|client-2-legacy URL | COMMAND...: a user who is asked for an agent
// and answers `hr`, as one JSON object.

import { Client as Client1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport as Stdio1 } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport as Http1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { Client as Client2, StreamableHTTPClientTransport as Http2 } from '@modelcontextprotocol/client';
import { StdioClientTransport as Stdio2 } from '@modelcontextprotocol/client/stdio';

import { target } from './record.mjs';

const [kind] = process.argv.splice(2, 1);
const { url, program } = target();
const isFirst = kind === 'sdk-1';
const Client = isFirst ? Client1 : Client2;
const [Http, Stdio] = isFirst ? [Http1, Stdio1] : [Http2, Stdio2];
const capabilities = { elicitation: { form: {} } };
const mode = kind === 'client-2' ? 'auto' : 'legacy';
const client = new Client(
    { name: `${kind}-asked`, version: '0' },
    isFirst ? { capabilities } : { capabilities, versionNegotiation: { mode } }
);
const questions = [];
client.setRequestHandler(isFirst ? ElicitRequestSchema : 'elicitation/create', ({ params }) => {
    questions.push(params);
    return { action: 'accept', content: { agent: 'hr' } };
});
await client.connect(url ? new Http(url) : new Stdio(program));
const given = { name: 'run_agent', arguments: { task: 'How many vacation days do I get?' } };
const { structuredContent, isError } = await client.callTool(given);
await client.close();
console.log(JSON.stringify({ questions, result: structuredContent, isError: isError ?? false }));
