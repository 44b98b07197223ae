# SPDX-License-Identifier: BSD-3-Clause
# Values with a name and a number, which scripts compare with either.

module Tandem
  class Enum
    attr_reader :name

    def initialize(name, number)
      @name = name.freeze
      @number = number
      freeze
    end

    def to_s = @name.dup
    def to_i = @number
    def to_sym = @name.to_sym
    def hash = @name.hash
    def =~(pattern) = to_s =~ pattern
    def match(pattern) = to_s.match(pattern)
    alias to_str to_s
    alias to_int to_i
    alias inspect to_s
    alias ToString to_s
    alias to_string to_s
    alias value__ to_i

    def ==(other)
      case other
      when Enum then @name == other.name
      when String then @name == other
      when Symbol then @name == other.name
      when Integer then @number == other
      else false
      end
    end
    alias === ==
    alias eql? ==
    alias Equals ==
  end

  class DialResult < Enum
    ALL = %w[Unknown Answered NoAnswer Failed ClientCancelled AdminCancelled TimedOut Error
             AlreadyAnswered Redirect].each_with_index.to_h { |name, i| [name, new(name, i)] }.freeze

    def self.named(name) = ALL[name] || ALL['Unknown']
  end

  class Status < Enum
    NAMES = {
      0 => 'None', 100 => 'Trying', 180 => 'Ringing', 181 => 'CallIsBeingForwarded',
      182 => 'Queued', 183 => 'SessionProgress', 200 => 'Ok', 202 => 'Accepted',
      300 => 'MultipleChoices', 301 => 'MovedPermanently', 302 => 'MovedTemporarily',
      305 => 'UseProxy', 380 => 'AlternativeService', 400 => 'BadRequest', 401 => 'Unauthorised',
      402 => 'PaymentRequired', 403 => 'Forbidden', 404 => 'NotFound', 405 => 'MethodNotAllowed',
      406 => 'NotAcceptable', 407 => 'ProxyAuthenticationRequired', 408 => 'RequestTimeout',
      410 => 'Gone', 413 => 'RequestEntityTooLarge', 414 => 'RequestURITooLong',
      415 => 'UnsupportedMediaType', 416 => 'UnsupportedURIScheme', 420 => 'BadExtension',
      421 => 'ExtensionRequired', 422 => 'SessionIntervalTooSmall', 423 => 'IntervalTooBrief',
      480 => 'TemporarilyUnavailable', 481 => 'CallLegTransactionDoesNotExist',
      482 => 'LoopDetected', 483 => 'TooManyHops', 484 => 'AddressIncomplete', 485 => 'Ambiguous',
      486 => 'BusyHere', 487 => 'RequestTerminated', 488 => 'NotAcceptableHere',
      489 => 'BadEvent', 491 => 'RequestPending', 493 => 'Undecipherable',
      500 => 'InternalServerError', 501 => 'NotImplemented', 502 => 'BadGateway',
      503 => 'ServiceUnavailable', 504 => 'ServerTimeout', 505 => 'SIPVersionNotSupported',
      513 => 'MessageTooLarge', 600 => 'BusyEverywhere', 603 => 'Decline',
      604 => 'DoesNotExistAnywhere', 606 => 'NotAcceptableAnywhere'
    }.freeze
    NUMBERS = NAMES.invert.freeze

    # From a number, a name, or a Status; codes without a name print as the number.
    def self.of(value)
      return value if value.is_a?(Status)

      number = NUMBERS[value.to_s] || value.to_s.to_i
      new(NAMES[number] || number.to_s, number)
    end
  end
end
