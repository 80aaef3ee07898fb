/** Internet addresses as the messages write them, for the page, which knows nothing of what is inside the machine. */

export { parseIpv4, prefixMask } from "../abi/inet.ts";
