/** What is wrong with an instruction, in BuildKit's words; who knows where it stands adds that. BuildKit `frontend/dockerfile/instructions`. */

export class InstructionError extends Error {}
