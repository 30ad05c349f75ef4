// JavaScript because it stands in for a module of the grid that reports usage: this page reports nothing.

export const usageStatistics = () => undefined;
