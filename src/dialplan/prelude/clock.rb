# SPDX-License-Identifier: BSD-3-Clause
# What time it is in a dry run that was told another one. Such a sandbox runs nothing else.

module Tandem
  module Clock
    # "2026-03-04 09:30", "2026-03-04T09:30:00Z"; local time without a zone.
    def self.pretend(text)
      text = text.to_s
      numbers = text.scan(/\d+/).first(6).map(&:to_i)
      raise ArgumentError, "#{text} is no time; write 2026-03-04 09:30" if numbers.size < 3

      time = text.end_with?('Z') ? Time.gm(*numbers) : Time.local(*numbers)
      Time.define_singleton_method(:now) { |*, **| time.dup }
    end
  end
end
