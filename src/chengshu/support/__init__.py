"""应用支撑体系: user centre, interaction, components, forms, maps, indicators, certificates."""
