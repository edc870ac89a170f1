// What both clients do once connected, as one object: the tools, a call of each, two mistakes.

const QUESTION = { question: 'How many vacation days do I get?' };
const CALLS = {
    web_search: { query: 'What is an MCP server?' },
    list_models: {},
    upload_file: {
        content_base64: Buffer.from('Green.\n').toString('base64'),
        filename: 'colours.txt'
    },
    run_agent: { agent: 'hr', task: QUESTION.question }
};

/** The server named by the arguments: a URL, or the command that starts it on stdio. */
export function target() {
    const [first, ...args] = process.argv.slice(2);
    if (/^https?:/.test(first)) return { url: new URL(first) };
    return { program: { command: first, args, env: process.env, stderr: 'inherit' } };
}

/** List the tools first, then run `call(name, arguments, options)` for every case. */
export async function record(client, call) {
    const { tools } = await client.listTools();
    const progress = [];
    const onprogress = ({ message }) => progress.push(message);
    const results = { ask_amber: seen(await call('ask_amber', QUESTION, { onprogress })) };
    for (const [name, given] of Object.entries(CALLS)) {
        results[name] = seen(await call(name, given));
    }
    return {
        server: client.getServerVersion(),
        instructions: client.getInstructions(),
        tools: tools.map(tool => tool.name),
        results,
        progress,
        unknownTool: await refusal(call('no_such_tool', {})),
        unknownArgument: seen(await call('ask_amber', { ...QUESTION, qestion: 'typo' }))
    };
}

/** What a client makes of the answers to lines that are no messages, and of a call behind them. */
export async function afterNoise(client, stdin, call) {
    const faults = [];
    client.onerror = error => faults.push(String(error));
    for (const line of ['this is no JSON', '[]', '{"jsonrpc":"2.0","id":1.5,"method":"ping"}']) {
        stdin.write(`${line}\n`);
    }
    return { result: seen(await call('list_models', {})), faults };
}

function seen({ content, structuredContent, isError }) {
    const text = content.map(block => block.text).join('\n');
    return { text, structuredContent: structuredContent ?? null, isError: isError ?? false };
}

async function refusal(answer) {
    try {
        return { answered: await answer };
    } catch (error) {
        return { code: error.code, message: error.message };
    }
}
