// Package verdict says whether the error of a quantized layer is the noise that its
// format makes, or has a structure that no quantizer makes.
//
// A quantizer that rounds to the nearest code leaves an error whose size follows from
// the block's own scale and codes. Model knows that size for every element of a weight;
// Sigma carries it through a product; Limit says how large the worst of so many elements
// may be. Judge then measures an error against it by a table of tests. Each test has a
// null distribution under which it fails with the probability that it states, corrected
// for the number of things it looks at, and a least effect: what is significant but
// small is the distribution of the weights, not a bug.
//
// The package knows no session and no file.
package verdict
