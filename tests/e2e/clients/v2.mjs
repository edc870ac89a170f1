// node v2.mjs auto|legacy URL | COMMAND...: the TypeScript client 2, as one JSON object. `auto`
// asks `server/discover` first (2026), `legacy` opens with the handshake of 2025.

import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';

import { afterNoise, record, target } from './record.mjs';

const [mode] = process.argv.splice(2, 1);
const { url, program } = target();
const transport = url ? new StreamableHTTPClientTransport(url) : new StdioClientTransport(program);
const client = new Client({ name: 'typescript-client-2', version: '0' }, { versionNegotiation: { mode } });
const faults = [];
client.onerror = error => faults.push(String(error));
await client.connect(transport);
const protocol = client.getNegotiatedProtocolVersion();
const call = (name, given, options) =>
    client.callTool({ name, arguments: given }, options);
const recorded = await record(client, call);
const noise = program ? await afterNoise(client, transport._process.stdin, call) : null;
await client.close();
console.log(JSON.stringify({ ...recorded, protocol, faults, noise }));
