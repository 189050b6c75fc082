// Package diagnose says which known mistake makes the output of a layer what it is.
//
// Every mistake of the field is a row of one table: a way to read the weight, to
// quantize the activations or to write the output that differs from the right one.
// Each is carried out on a sample of rows and columns, and ranked by how much of the error
// it explains. A mistake that explains nearly all of it made the output; nothing here
// guesses from the shape of the error.
//
// The same table tells what is wrong with a weight: then the question is which way to read its
// codes and scales gives the reference.
package diagnose
