"""Promises and mutations: what each test of docs/promises.md fails of."""
