# SPDX-License-Identifier: BSD-3-Clause
# One name is written in the code, GetBindings; scripts may also say get_bindings and getBindings.

module Tandem
  module Names
    KEPT = %i[method send class hash display freeze dup clone].freeze

    def self.snake(name)
      name.gsub(/([A-Z]+)([A-Z][a-z])/, '\1_\2').gsub(/([a-z0-9])([A-Z])/, '\1_\2').downcase
    end

    def self.camel(name)
      name[/\A[A-Z]+(?=[A-Z][a-z]|\z|=)|\A[A-Z]/].downcase + name.sub(/\A(?:[A-Z]+(?=[A-Z][a-z]|\z|=)|[A-Z])/, '')
    end

    def self.spread(mod, over: true)
      mod.instance_methods(false).grep(/\A[A-Z]/).each do |name|
        [snake(name.to_s), camel(name.to_s)].uniq.each do |other|
          next if KEPT.include?(other.to_sym)
          next if mod.method_defined?(other, !over) || (!over && mod.private_method_defined?(other))
          mod.alias_method(other, name)
        end
      end
    end
  end

  # The class, if it is one of those that stand for the original's.
  def self.kind(value)
    kind = Object.instance_method(:class).bind_call(value)
    kind if kind.name.to_s.start_with?('Tandem::')
  end

  # Text of whatever a script gives: nil stays nil.
  def self.text(value)
    value.nil? ? nil : value.to_s
  end

  # A small object with named values, as the original's classes were.
  class Record
    def self.of(*names)
      Class.new(self) do
        names.each do |name|
          define_method(name) { @values[name] }
          define_method(:"#{name}=") { |value| @values[name] = value }
        end
        Names.spread(self)
      end
    end

    def initialize(values = {})
      @values = values
    end

    def to_s
      @values.map { |name, value| "#{name}=#{value}" }.join(', ')
    end
    alias ToString to_s
    alias inspect to_s
  end
end
