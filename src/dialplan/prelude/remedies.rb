# SPDX-License-Identifier: BSD-3-Clause
# What to do where Ruby's own complaint does not say, or where an old form has no new one.

module Tandem
  REMEDIES = {
    /Invalid retry/ => 'retry starts a begin … rescue again; in a block, use redo or a loop',
    /formal argument cannot be/ => 'the argument of a block is a plain name today: |x|, and assign it inside',
    /else without rescue/ => 'give the block a rescue, or put what is after else behind its end',
    /dynamic constant assignment/ => 'use a global variable ($name) for what methods change',
    /duplicated argument name/ => 'give each argument a name of its own',
    /unterminated (?:string|regexp|list)|unterminated quoted/ => 'a closing quote is missing here or above',
    /unexpected end-of-input|expecting end-of-input|unexpected `end'|unexpected end,/ =>
      'count the "end"s: one for each if, case, def, do and begin',
    /(?:invalid|unexpected) .*\\x|Invalid char|invalid multibyte/i =>
      'a character that was pasted from a page: type the blanks and quotes of this line anew',
    /target of repeat operator|invalid pattern|premature end of char-class|undefined group/ =>
      'a pattern that Ruby does not take: escape + * ? ( [ with \\ where they stand for themselves'
  }.freeze

  def self.remedy(complaint) = REMEDIES.find { |shape, _| shape.match?(complaint) }&.last
end
