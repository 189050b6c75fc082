// Package stats counts what is in the data of a layer: its scale bytes by code, its
// 4-bit codes, the values of any tensor. Everything is exact (no sampling, no
// approximate quantiles), is read in one fixed order so that the same data gives the
// same bits on every machine, and comes out as plain bounded data.
//
// Quantiles are nearest rank: the q-quantile of n values is the smallest value with at
// least q·n values at or below it (Hyndman and Fan 1996, definition 1). It is always a
// value that occurs.
package stats
