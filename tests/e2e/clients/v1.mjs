// node v1.mjs URL | COMMAND...: the TypeScript SDK 1 (the handshake of 2025), as one JSON object.

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

import { afterNoise, record, target } from './record.mjs';

const { url, program } = target();
const transport = url ? new StreamableHTTPClientTransport(url) : new StdioClientTransport(program);
let protocol;
const tell = transport.setProtocolVersion?.bind(transport);
transport.setProtocolVersion = version => {
    protocol = version;
    tell?.(version);
};
const client = new Client({ name: 'typescript-sdk-1', version: '0' });
const faults = [];
client.onerror = error => faults.push(String(error));
await client.connect(transport);
const call = (name, given, options) =>
    client.callTool({ name, arguments: given }, undefined, options);
const recorded = await record(client, call);
const noise = program ? await afterNoise(client, transport._process.stdin, call) : null;
await client.close();
console.log(JSON.stringify({ ...recorded, protocol, faults, noise }));
