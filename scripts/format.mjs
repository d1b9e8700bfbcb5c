// Formats TypeScript, JavaScript, JSON and C++, and applies Biome's safe corrections.
import { runClangFormat } from './clang-format.mjs';
import { runTool } from './run-tool.mjs';

const results = [runTool('@biomejs/biome/bin/biome', ['check', '--write']), runClangFormat(['-i'])];
process.exitCode = results.every((exitCode) => exitCode === 0) ? 0 : 1;
