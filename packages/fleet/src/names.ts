import { randomInt } from "node:crypto";

/** No vowels and nothing that looks like another: Kubernetes' alphabet for generated names, which spells no word. */
const alphabet = "bcdfghjklmnpqrstvwxz2456789";

/**
 * The `pod-template-hash` of a template: equal templates have equal hashes, so a rollback brings back the old ReplicaSet's name.
 * FNV-1a, 32 bit, written in the alphabet above, as in Kubernetes.
 */
export function templateHash(template: string): string {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(template)) {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  }
  return [...String(hash)].map((digit) => alphabet.charAt(digit.charCodeAt(0) % alphabet.length)).join("");
}

/** `<deployment>-<template hash>-<five random characters>`. */
export function replicaName(deployment: string, hash: string): string {
  const suffix = Array.from({ length: 5 }, () => alphabet.charAt(randomInt(alphabet.length))).join("");
  return `${deployment}-${hash}-${suffix}`;
}
