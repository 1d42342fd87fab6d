export * from "./addon-contract.js";
export * from "./launch-plan.js";
export * from "./layer-contract.js";
export * from "./native-error.js";
export * from "./host.js";
export * from "./layers.js";
